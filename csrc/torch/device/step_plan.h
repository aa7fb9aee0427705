// A function of tensors as a graph that runs again: torch.hologram.jit (hologram_torch/_jit.py decides when).
#pragma once

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "runtime/base/fp_mode.h"
#include "runtime/graph/graph.h"

namespace hologram {

/// What a tensor looks like without its memory.
struct Geometry {
  c10::SmallVector<int64_t, 5> sizes, strides;
  int64_t offset = 0;
  caffe2::TypeMeta type;
  c10::Device device{c10::DeviceType::CPU};

  Geometry() = default;
  explicit Geometry(const at::Tensor& t)
      : sizes(t.sizes().begin(), t.sizes().end()),
        strides(t.strides().begin(), t.strides().end()),
        offset(t.storage_offset()),
        type(t.dtype()),
        device(t.device()) {}
  bool matches(const at::Tensor& t) const {
    return t.dtype() == type && t.device() == device && t.sizes() == c10::IntArrayRef(sizes) &&
           t.strides() == c10::IntArrayRef(strides) && t.storage_offset() == offset;
  }
  at::Tensor tensor(c10::Storage storage) const;
};

/// Nested tuples, lists and dicts, of arguments or of results, with tensors and other values as leaves.
struct Structure {
  enum class Kind : uint8_t { Tensor, Tuple, NamedTuple, List, Dict, Value };
  struct Tensor {
    Geometry geometry;
    int memory = -1;                    // an argument's number in the graph, or a result's in StepPlan::fresh
    std::optional<std::string> value;   // a number of the CPU's: its bytes, which are part of what a plan matches
    int argument = -1;                  // a result in an argument's memory
    bool itself = false;                // ... which is that argument
  };
  Kind kind = Kind::Value;
  std::unique_ptr<Tensor> tensor;
  std::vector<Structure> items;
  std::vector<pybind11::object> keys;   // a dict's
  pybind11::object value;               // itself; the type of a tensor's or a tuple's
};

/// The modes under which a function computes something else.
struct Modes {
  Queue* queue;
  c10::impl::LocalDispatchKeySet keys;
  bool grad, recording, autocast, cpu_autocast, deterministic, mkldnn;
  at::ScalarType autocast_type, cpu_autocast_type, default_type;
  at::Float32MatmulPrecision precision;
  FpMode fp;
  c10::SmallVector<PyObject*, 2> functions;   // torch's stack of function modes: a default device is one

  static Modes now();
  bool operator==(const Modes& o) const;
};

/// Memory of results: new in each run.
struct FreshMemory {
  int memory;    // of the graph
  size_t bytes;
};

// ---- what plans of torch.hologram.jit and of torch.compile share ----

/// Before a run: what is recorded has run, and results have their memory.
c10::SmallVector<c10::Storage, 8> prepare_run(Graph& graph, const std::vector<FreshMemory>& fresh);
/// Memory of the caller's that a run writes: what others keep of its value (block.h) is old then.
class WrittenMemory {
 public:
  void add(const at::Tensor& t);
  void note() const {
    for (const Block* block : blocks_) note_write(*block);
  }
  /// For the history, while work is watched.
  void remember(int64_t started) const;

 private:
  c10::SmallVector<const Block*, 8> blocks_;
};
/// Runs with the next numbers of the default generator. Throws OtherValue, and gives the numbers back.
void run_graph(Graph& graph, const WrittenMemory& written);

class StepPlan {
 public:
  /// A place in a dict, a list or a cell that must hold what it held: a module's parameter, a number that the function read.
  struct Guard {
    pybind11::object key, value;
  };
  struct GuardedPlace {
    pybind11::object place;
    uint64_t version = 0;    // a dict's when it held all of them; see dict_version
    std::vector<Guard> guards;
  };
  /// Memory of the host that must hold what it held.
  struct HostBytes {
    pybind11::object buffer;
    std::string bytes;
  };
  /// A tensor that exists outside: where it lay.
  struct State {
    at::Tensor tensor;
    const void* data;
    Geometry geometry;
    bool requires_grad, written;
    bool is_as_it_was() const;
  };
  struct HostState {
    at::Tensor tensor;
    const void* data;
    uint32_t version;
  };
  struct Gradient {
    enum class Entry : uint8_t { Any, None, Same } entry = Entry::Any;
    at::Tensor parameter;
    bool made = false, kept = false;  // the plan makes a new one, or adds to the one there is; neither: there is none afterwards
    Geometry geometry;
    int memory = -1;
    const c10::TensorImpl* last = nullptr;
  };

  explicit StepPlan(const Modes& now) : modes(now) {}

  std::unique_ptr<Graph> graph;
  const Modes modes;
  Structure args, kwargs, results;
  struct Given {
    int memory;
    bool written;
  };
  std::vector<Given> given;  // the arguments' tensors in the graph, in order
  std::vector<GuardedPlace> places;
  std::vector<HostBytes> host_bytes;
  std::vector<State> states;
  std::vector<HostState> host_states;
  std::vector<Gradient> gradients;
  std::vector<FreshMemory> fresh;  // memory of results
  uint64_t runs = 0;

  void guard(const pybind11::object& place, pybind11::object key, pybind11::object value);
  /// NotImplemented where the plan does not fit. `kwargs` may be null.
  pybind11::object call(PyObject* args, PyObject* kwargs);
  /// As call; and a list of (number when it was captured, hash of what it wrote or None) for each node, in the order in which they run.
  pybind11::tuple call_and_hash(const pybind11::tuple& args, const pybind11::dict& kwargs);
  /// Why the last call did not fit.
  const std::string& misfit() const { return misfit_; }
  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  using Arguments = c10::SmallVector<const at::Tensor*, 8>;
  bool match(PyObject* given, const Structure& expected, Arguments& tensors) const;
  bool match_tensor(PyObject* given, const Structure& expected, Arguments& tensors) const;
  bool still_valid(const Arguments& tensors);
  bool still_holds(GuardedPlace& place);
  void place_gradients();
  pybind11::object build(const Structure& structure, const Arguments& tensors, c10::ArrayRef<c10::Storage> storages) const;
  bool unfit(std::string why) {
    misfit_ = std::move(why);
    return false;
  }

  std::string misfit_;
  std::recursive_mutex running_;   // a finalizer may come back in the middle of a call
};

/// Is a value that is no tensor the same as before? Numbers and texts are compared, all else is an object that stays.
bool same_object(PyObject* a, PyObject* b);
/// The memory of a new tensor. Takes over the caller's reference to the block.
c10::Storage storage_of(Block* block, c10::Device device);
/// A tuple of a named type: Python's named tuples take their items one by one, torch's take them together.
pybind11::object named_tuple(const pybind11::object& type, const pybind11::tuple& items);

/// The tensor of a Python object; TypeError where it is none.
const at::Tensor& tensor_of(pybind11::handle object);

void bind_step_plans(pybind11::module_& m);

}  // namespace hologram
