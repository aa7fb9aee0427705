// A traced region of a program (torch.compile) as a graph that runs again: hologram_torch/compile/region.py decides when.
//
// A region says all that it uses: its arguments are a flat list of tensors and numbers, parameters among them, and its results are a
// flat list of new tensors, of views of arguments, and of values. It reads nothing around it, and autograd does not see what it does.
#pragma once

#include <ATen/core/Tensor.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "torch/device/step_plan.h"

namespace hologram {

class RegionPlan {
 public:
  struct Argument {
    enum class Kind : uint8_t { Tensor, Number, Empty, Value } kind;
    Geometry geometry;
    int place = -1;  // Tensor: of its memory in RegionPlan::places
    std::string bytes;  // Number: of the CPU's; it is part of what a plan matches
    pybind11::object value;
  };
  /// Memory of arguments. Those that shared it share it each time; others have memory of their own wherever it is written.
  struct Place {
    int memory;  // of the graph; -1 where nothing uses it
    bool written = false;
    const void* address = nullptr;  // of the last call
  };
  struct Result {
    enum class Kind : uint8_t { New, Argument, Itself, Empty, Value } kind;
    Geometry geometry;
    int number = -1;  // New: of RegionPlan::fresh; Argument, Itself: of the argument
    pybind11::object value;
  };
  /// The arguments of a call: objects of Python's, or tensors alone.
  struct Given {
    size_t size;
    PyObject* const* objects;
    const at::Tensor* tensors = nullptr;
    /// Of a list or a tuple.
    static Given of(PyObject* sequence) {
      return {static_cast<size_t>(PySequence_Fast_GET_SIZE(sequence)), PySequence_Fast_ITEMS(sequence)};
    }
    static Given of(c10::ArrayRef<at::Tensor> tensors) { return {tensors.size(), nullptr, tensors.data()}; }
  };
  /// What a call gives, and what it has made.
  struct Call {
    explicit Call(const Given& arguments) : given(arguments) {}
    const Given given;
    c10::SmallVector<const at::Tensor*, 32> tensors;  // null for a value
    c10::SmallVector<const void*, 32> addresses;  // of the places
    c10::SmallVector<c10::Storage, 8> storages;  // of fresh
    c10::SmallVector<at::Tensor, 8> made;  // the first tensor in each
  };

  explicit RegionPlan(const Modes& now) : modes(now) {}

  std::unique_ptr<Graph> graph;
  const Modes modes;
  std::vector<Argument> arguments;
  std::vector<Place> places;
  std::vector<Result> results;
  std::vector<FreshMemory> fresh;
  std::vector<size_t> written;  // arguments whose memory it writes
  uint64_t runs = 0;

  /// False where the plan does not fit.
  bool run(Call& call);
  /// A result of a call that was run; undefined for a value that is no tensor.
  at::Tensor tensor(size_t result, Call& call) const;
  pybind11::object object(size_t result, Call& call) const;

 private:
  bool match(Call& call) const;
  bool place_arguments(const Call& call);

  std::recursive_mutex running_;
};

void bind_region_plans(pybind11::module_& m);

}  // namespace hologram
