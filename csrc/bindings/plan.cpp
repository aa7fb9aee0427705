#include "bindings/plan.h"

#include <pybind11/stl.h>

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/executor.h"
#include "bindings/graph_program.h"
#include "bindings/harden.h"
#include "runtime/base/error.h"
#include "runtime/device/queue.h"
#include "runtime/graph/capture.h"

namespace hologram::bindings {

namespace {

constexpr const char* kCapture = "hologram.Executor.capture: ";
constexpr const char* kRun = "hologram.Plan.run: ";

Extent extent_of(const Block& block) {
  Extent extent;
  extent.begin = block.data;
  extent.end = block.data + block.bytes;
  return extent;
}

/// What an executor did between begin() and end(), to be run again on other buffers.
///
/// Its memory: arguments are said anew in each run; what else was there before, or is left afterwards, keeps its place, and is held
/// as long as the plan lives; what came and went is in the graph's own memory.
class PyPlan {
 public:
  PyPlan(std::shared_ptr<PyExecutor> executor, const std::vector<const PyBuffer*>& arguments) : executor_(std::move(executor)) {
    executor_->core();   // throws where it was cleaned up
    for (size_t i = 0; i < arguments.size(); ++i) {
      const PyBuffer& buffer = checked(kCapture, i, arguments[i]);
      const Block& block = *buffer.storage().block();
      if (buffer.data() != block.data || (static_cast<size_t>(buffer.bytes()) < block.bytes && !buffer.storage().reserved()))
        fail(Error::Kind::Value, kCapture, "argument ", i, " is a part of a buffer. Pass the whole buffer, or a copy of the part.");
      for (size_t j = 0; j < i; ++j)
        if (!apart(extent_of(*arguments_[j].storage->block()), extent_of(block)))
          fail(Error::Kind::Value, kCapture, "arguments ", j, " and ", i, " share memory. Pass it once.");
      arguments_.push_back({buffer.storage_ptr(), buffer.length(), buffer.dtype(), block.bytes});
    }
  }
  ~PyPlan() { drop(); }
  PyPlan(const PyPlan&) = delete;

  void begin() {
    if (graph_ || capture_) fail(Error::Kind::Runtime, kCapture, "a plan is captured once. Call capture again for another one.");
    Executor& core = executor_->core();
    if (!core.queue().reads_host_memory() || !core.queue().has_one_queue())
      fail(Error::Kind::NotSupported, kCapture, "graphs are captured on the cpu backend only, not on '", core.queue().name(), "'.");
    executor_->synchronize();
    capture_.emplace(core.queue());
    capture_->draws_are_named = true;
    for (Argument& argument : arguments_) argument.memory = capture_->give(*argument.storage->block());
  }

  void end() {
    if (!capture_) fail(Error::Kind::Runtime, kCapture, "nothing is being captured. Use it in a with statement.");
    try {
      executor_->synchronize();
      std::vector<int> known;
      executor_->each_storage([&](const Storage& storage) {
        const int memory = capture_->number_of(*storage.block());
        if (memory < 0) return;
        known.push_back(memory);
        for (const Argument& argument : arguments_)
          if (memory != argument.memory && !apart(extent_of(*storage.block()), extent_of(*argument.storage->block())))
            capture_->refuse("another buffer shares memory with an argument");
      });
      capture_->check_owners(known);
      for (Argument& argument : arguments_) argument.written = capture_->is_written(argument.memory);
    } catch (...) {
      drop();
      throw;
    }
    const std::string reason = capture_->reason();
    std::unique_ptr<Graph> graph = reason.empty() ? capture_->finish() : nullptr;
    drop();
    if (!graph) fail(Error::Kind::Runtime, kCapture, "what ran cannot be run again: ", reason, ".");
    graph->finish();
    for (Argument& argument : arguments_) argument.storage.reset();
    graph_ = std::move(graph);
  }

  /// Ends a capture without a plan.
  void drop() { capture_.reset(); }

  void run(const std::vector<const PyBuffer*>& buffers, uint64_t offset) {
    if (!graph_)
      fail(Error::Kind::Runtime, kRun, "nothing was captured. Use `with executor.capture(...) as plan`, and run it afterwards.");
    if (capturing()) fail(Error::Kind::Runtime, kRun, "another plan is being captured. Run this one afterwards.");
    Executor& core = executor_->core();
    if (buffers.size() != arguments_.size())
      fail(Error::Kind::Value, kRun, buffers.size(), " buffers were given, ", arguments_.size(), " were captured.");
    std::vector<std::shared_ptr<Storage>> held;
    std::vector<Extent> extents;
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Argument& argument = arguments_[i];
      const PyBuffer& buffer = checked(kRun, i, buffers[i]);
      if (buffer.length() != argument.length || buffer.dtype() != argument.dtype)
        fail(Error::Kind::Value, kRun, "buffer ", i, " holds ", buffer.length(), " elements of ", dtype_name(buffer.dtype()), ", ",
             argument.length, " of ", dtype_name(argument.dtype), " were captured.");
      const Block& block = *buffer.storage().block();
      if (static_cast<size_t>(block.data + block.bytes - buffer.data()) < argument.bytes)
        fail(Error::Kind::Value, kRun, "buffer ", i,
             " lies in less memory than the captured one, which was reserved by its class.");
      if (argument.written && buffer.storage().read_only()) fail(Error::Kind::Value, kRun, "buffer ", i, " is read-only.");
      held.push_back(buffer.storage_ptr());
      extents.emplace_back(buffer.array(), buffer.length(), false);
      check_apart(i, extents);
    }
    const auto alone = alone_with(running_);
    for (size_t i = 0; i < buffers.size(); ++i) graph_->place(arguments_[i].memory, const_cast<char*>(extents[i].begin));
    {
      std::optional<py::gil_scoped_release> others_go_on;
      if (graph_->is_long()) others_go_on.emplace();
      core.stream().run(Reason::Library);
      const auto note = [&] {
        for (size_t i = 0; i < buffers.size(); ++i)
          if (arguments_[i].written) note_write(*buffers[i]->storage().block());
      };
      note();
      graph_->run(0, offset);
      note();
    }
    ++runs_;
  }

  const std::shared_ptr<PyExecutor>& executor() const { return executor_; }
  py::list program() const { return graph_ ? program_of(*graph_) : py::list(); }
  int nodes() const { return graph_ ? graph_->num_nodes() : 0; }
  int launches() const { return graph_ ? graph_->num_launches() : 0; }
  size_t bytes() const { return graph_ ? graph_->slab_bytes() : 0; }
  uint64_t runs() const { return runs_; }

 private:
  struct Argument {
    std::shared_ptr<Storage> storage;    // until it was captured
    int64_t length;
    DType dtype;
    size_t bytes;        // of the memory under it
    int memory = -1;
    bool written = false;
  };

  const PyBuffer& checked(const char* who, size_t i, const PyBuffer* buffer) const {
    if (!buffer) throw py::type_error(std::string(who) + "argument " + std::to_string(i) + " is None, a Buffer is needed.");
    if (&buffer->storage().executor() != executor_.get())
      fail(Error::Kind::Value, who, "argument ", i, " belongs to another executor. Copy it with copy_from.");
    return *buffer;
  }

  /// The kernels were chosen for memory that does not overlap: the last of `given` against the others, and what the plan keeps.
  void check_apart(size_t i, const std::vector<Extent>& given) const {
    for (size_t j = 0; j < i; ++j)
      if ((arguments_[i].written || arguments_[j].written) && !apart(given[i], given[j]))
        fail(Error::Kind::Value, kRun, "buffers ", j, " and ", i, " overlap, and one is written. Give each an array of its own.");
    for (const Graph::Memory& memory : graph_->memories()) {
      if (memory.kind != Graph::Kind::Kept || !memory.block || !(memory.written || arguments_[i].written)) continue;
      if (!apart(given[i], extent_of(*memory.block)))
        fail(Error::Kind::Value, kRun, "buffer ", i, " overlaps memory that the plan uses beside its arguments.");
    }
  }

  std::shared_ptr<PyExecutor> executor_;
  std::vector<Argument> arguments_;
  std::optional<Capture> capture_;
  std::unique_ptr<Graph> graph_;
  std::mutex running_;
  uint64_t runs_ = 0;
};

}  // namespace

void bind_plan(py::module_& m) {
  py::class_<PyPlan> cls(m, "Plan", "What an executor did while it was captured, to be run again.");
  cls.def(py::init<std::shared_ptr<PyExecutor>, const std::vector<const PyBuffer*>&>(), py::arg("executor").none(false),
          py::arg("arguments"))
      .def("_begin", &PyPlan::begin)
      .def("_end", &PyPlan::end)
      .def("_drop", &PyPlan::drop)
      .def("_run", &PyPlan::run, py::arg("buffers"), py::arg("offset"))
      .def("program", &PyPlan::program,
           "Its nodes: [(name, launches, [(memory, kind, offset, bytes of the memory, written)], once)].")
      .def_property_readonly("_executor", &PyPlan::executor)
      .def_property_readonly("nodes", &PyPlan::nodes, "Kernels and calls that a run makes.")
      .def_property_readonly("launches", &PyPlan::launches, "Those of them that are kernels.")
      .def_property_readonly("bytes", &PyPlan::bytes, "Memory for what comes and goes within a run.")
      .def_property_readonly("runs", &PyPlan::runs, "How often it ran.");
  harden<PyPlan>(cls, "hologram.Plan: it was never initialised. Call executor.capture().");
}

}  // namespace hologram::bindings
