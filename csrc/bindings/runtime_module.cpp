// hologram_core._runtime: the runtime for Python. Thin: every function here is a call into csrc/runtime.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "bindings/backends.h"
#include "bindings/circuit.h"
#include "bindings/compiler.h"
#include "bindings/executor.h"
#include "bindings/plan.h"
#include "runtime/device/queue.h"
#include "runtime/memory/block.h"
#include "runtime/base/config.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/ir/key.h"
#include "runtime/kernels/launch_log.h"
#include "runtime/memory/boundary_pool.h"
#include "runtime/memory/memory_log.h"
#include "runtime/trace/history.h"
#include "runtime/trace/stream.h"
#include "runtime/trace/trace_graph.h"
#include "runtime/trace/stream_lock.h"
#include "runtime/base/threads.h"

namespace py = pybind11;

namespace hologram::bindings {

void set_error(const char* name, PyObject* built_in, const char* text) {
  try {
    py::set_error(py::module_::import("hologram_core.errors").attr(name), text);
  } catch (py::error_already_set&) {
    py::set_error(built_in, text);
  }
}

namespace {

// ---- errors ----

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const Error& error) {
    switch (error.kind()) {
      case Error::Kind::OutOfMemory: return set_error("OutOfMemory", PyExc_MemoryError, error.what());
      case Error::Kind::Value: return set_error("InvalidValue", PyExc_ValueError, error.what());
      case Error::Kind::NotSupported: return set_error("NotSupported", PyExc_NotImplementedError, error.what());
      case Error::Kind::Runtime: return set_error("InvalidState", PyExc_RuntimeError, error.what());
    }
  } catch (const py::cast_error& error) {   // pybind11 makes a RuntimeError of it
    set_error("InvalidType", PyExc_TypeError, (std::string("hologram: an argument is of the wrong type, or was never initialised (") +
                                               error.what() + ").").c_str());
  }
}

// ---- memory ----

/// A block that Python holds. The buffer protocol shows its bytes.
class PyBlock {
 public:
  explicit PyBlock(Block* block) : block_(block) {}
  PyBlock(const PyBlock&) = delete;
  PyBlock& operator=(const PyBlock&) = delete;
  ~PyBlock() { free(); }

  Block& block() const {
    if (!block_) fail(Error::Kind::Value, "hologram.Block: the block was freed.");
    return *block_;
  }
  void free() {
    if (!block_) return;
    block_->release();
    block_ = nullptr;
  }
  py::buffer_info buffer() const {
    Block& b = block();
    if (!b.queue->host_visible())
      fail(Error::Kind::NotSupported, "hologram.Block: memory of the backend '", b.queue->name(), "' cannot be seen by the host.");
    if (b.queue->host_waits()) b.queue->wait_for_device();
    return py::buffer_info(b.data, 1, py::format_descriptor<uint8_t>::format(), static_cast<py::ssize_t>(b.bytes));
  }

 private:
  Block* block_;
};

const char* pool_name(const Block& block) {
  switch (block.pool) {
    case Block::Pool::Boundary: return "boundary";
    case Block::Pool::Linear: return "linear";
    case Block::Pool::External: return "external";
    case Block::Pool::Shared: return "shared";
  }
  return "";
}

std::unique_ptr<PyBlock> allocate(size_t bytes, const std::string& backend) {
  return std::make_unique<PyBlock>(allocate_block(backend_named(backend), bytes));
}

std::unique_ptr<PyBlock> reserve(int first, int count, const std::string& backend) {
  if (first < 0 || count < 1 || first + count > kClasses)
    fail(Error::Kind::Value, "hologram.reserve_classes: classes [", first, ", ", first + count, ") are not within [0, ", kClasses, ").");
  Block* block = reserve_classes(backend_named(backend), first, count);
  if (!block)
    fail(Error::Kind::Runtime, "hologram.reserve_classes: classes [", first, ", ", first + count, ") are not all free. ",
         "Free what holds them, or choose others.");
  return std::make_unique<PyBlock>(block);
}

py::dict counter_dict(const MemoryStats::Counter& c) {
  py::dict d;
  d["current"] = c.current;
  d["peak"] = c.peak;
  d["allocated"] = c.allocated;
  d["freed"] = c.freed;
  return d;
}

py::dict stats(const std::string& backend) {
  const MemoryStats s = memory_stats(backend_named(backend));
  py::dict d;
  d["allocated_bytes"] = counter_dict(s.allocated_bytes);
  d["reserved_bytes"] = counter_dict(s.reserved_bytes);
  d["boundary_bytes"] = counter_dict(s.boundary_bytes);
  d["active_blocks"] = counter_dict(s.active_blocks);
  d["segments"] = counter_dict(s.segments);
  d["num_alloc_retries"] = s.num_alloc_retries;
  d["num_ooms"] = s.num_ooms;
  return d;
}

py::dict boundary(const std::string& backend) {
  const BoundaryInfo info = boundary_info(backend_named(backend));
  py::dict d;
  d["base"] = reinterpret_cast<uintptr_t>(info.base);
  d["classes"] = info.classes;
  d["free_classes"] = info.free_classes;
  d["class_bytes"] = info.class_bytes;
  d["page_bytes"] = kPageBytes;
  d["pages_per_class"] = kPagesPerClass;
  d["max_run"] = kMaxRun;
  return d;
}

void bind_memory(py::module_& m) {
  const auto backend = py::arg("backend") = "cpu";
  py::class_<PyBlock> cls(m, "Block", py::buffer_protocol(), "A reserved range of memory; freed with its last reference.");
  cls.def_buffer(&PyBlock::buffer)
      .def_property_readonly("address", [](const PyBlock& b) { return reinterpret_cast<uintptr_t>(b.block().data); })
      .def_property_readonly("nbytes", [](const PyBlock& b) { return b.block().bytes; })
      .def_property_readonly("capacity", [](const PyBlock& b) { return b.block().capacity; })
      .def_property_readonly("pool", [](const PyBlock& b) { return pool_name(b.block()); })
      .def_property_readonly("classes", [](const PyBlock& b) {
        const ClassRange range = class_range(b.block());
        return py::make_tuple(range.first, range.count);
      }, "(first class, count) in the boundary pool, (-1, 0) elsewhere.")
      .def("free", &PyBlock::free, "Gives the memory back now. Views of it must no longer be used.")
      .def("__len__", [](const PyBlock& b) { return b.block().bytes; });
  harden<PyBlock>(cls, "hologram.Block: it was never initialised. Make one with allocate.");
  m.def("allocate", &allocate, py::arg("bytes"), backend);
  m.def("reserve_classes", &reserve, py::arg("first"), py::arg("count") = 1, backend);
  m.def("memory_stats", &stats, backend);
  m.def("boundary_info", &boundary, backend);
  m.def("empty_cache", [](const std::string& name) { empty_cache(backend_named(name)); }, backend);
  m.def("reset_peak_stats", [](const std::string& name) { reset_peak_stats(backend_named(name)); }, backend);
  m.def("reset_accumulated_stats", [](const std::string& name) { reset_accumulated_stats(backend_named(name)); }, backend);
}

// ---- counters, threads, switches ----

py::dict counter_values() {
  py::dict d;
  const Counters counters = read_counters();
  for (int i = 0; i < kCounters; ++i) d[counter_name(static_cast<Counter>(i))] = counters.values[i];
  return d;
}

py::list launches(size_t limit) {
  py::list list;
  for (const LaunchRecord& r : recent_launches(limit)) {
    py::dict d;
    d["kernel"] = r.kernel->name;
    d["key"] = py::bytes(r.kernel->key);
    d["items"] = r.items;
    d["elements_per_item"] = r.elements_per_item;
    d["threads"] = r.threads;
    d["microseconds"] = r.microseconds;
    list.append(d);
  }
  return list;
}

py::list as_list(const std::vector<WorkRecord>& records) {
  py::list list;
  for (const WorkRecord& work : records) {
    const CircuitRecord& r = work.what;
    py::dict d;
    py::list operands;
    for (const OperandRecord& o : work.operands)
      operands.append(py::make_tuple(reinterpret_cast<uintptr_t>(o.memory), o.bytes, o.written));
    d["operands"] = operands;
    d["started"] = r.started;
    d["microseconds"] = r.microseconds;
    if (r.library) {
      d["library"] = r.library;
      d["bytes_moved"] = r.bytes_moved;
      list.append(d);
      continue;
    }
    py::list keys;
    for (int k = 0; k < r.num_kernels; ++k) keys.append(py::bytes(r.kernels[k]->key));
    d["window"] = r.window;
    d["reason"] = reason_name(r.reason);
    d["ops"] = r.ops;
    d["compiled"] = r.compiled;
    d["keys"] = keys;
    d["elements"] = r.elements;
    d["bytes_recorded"] = r.bytes_recorded;
    d["bytes_moved"] = r.bytes_moved;
    list.append(d);
  }
  return list;
}

py::list memory_log() {
  py::list list;
  for (const MemoryEvent& e : memory_events())
    list.append(py::make_tuple(e.when, reinterpret_cast<uintptr_t>(e.queue), reinterpret_cast<uintptr_t>(e.memory), e.bytes,
                               e.allocated, e.reserved));
  return list;
}

/// Each call with true needs one with false. Returns the time, in nanoseconds since the epoch.
int64_t watch(bool on) {
  if (on && !work_is_watched()) keep_memory_events(true);
  watch_work(on);
  if (!work_is_watched()) keep_memory_events(false);
  return nanoseconds_now();
}

void bind_control(py::module_& m) {
  m.def("counters", &counter_values);
  m.def("reset_counters", &reset_counters);
  m.def("set_launch_log", &set_launch_log, py::arg("on"), "Keeps a record of every launch, for last_launches.");
  m.def("last_launches", &launches, py::arg("limit") = 64, "The last recorded launches, oldest first.");
  m.def("set_num_threads", &set_num_threads, py::arg("n"), "Threads of the runtime's own pool; 0: one per core.");
  m.def("max_threads", &max_threads);
  m.def("configure", [](int log, bool guard, size_t memory_limit) {
    config().log = log;
    config().guard = guard;
    config().memory_limit = memory_limit;
  }, py::arg("log"), py::arg("guard"), py::arg("memory_limit"));
  m.def("pause_recording", &pause_recording, "From now on ops of this thread run when they are submitted. Nests.");
  m.def("resume_recording", &resume_recording);
  m.def("keep_unread_results", &keep_unread_results, py::arg("on"), "Are results computed that nothing can ask for? For timing.");
  m.def("recording", &recording);
  m.def(
      "recent_work", [](size_t limit) { return as_list(recent_work(limit)); }, py::arg("limit") = 512,
      "The last circuits, and the calls of libraries between them, oldest first.");
  m.def("watch_work", &watch, py::arg("on"), "Takes times, and keeps work and the events of memory, until all watchers are gone.");
  m.def(
      "watched_work", [](int64_t since) { return as_list(watched_work(since)); }, py::arg("since"),
      "The circuits and calls of libraries that began then or later, while they were watched.");
  m.def("memory_log", &memory_log, "The events of memory: when, queue, address, bytes, allocated, reserved.");
}

/// The switches that the runtime knows, as hologram_core.config read them.
void take_switches() {
  const py::object values = py::module_::import("hologram_core.config").attr("config");
  config().log = values.attr("log").cast<int>();
  config().guard = values.attr("guard").cast<bool>();
  const py::object fusion = values.attr("fusion");
  config().force_fusion = py::isinstance<py::str>(fusion);
  config().fusion = config().force_fusion || fusion.cast<bool>();
  config().sync = values.attr("sync").cast<bool>();
  config().mps = values.attr("mps").cast<bool>();
  const py::object limit = values.attr("memory_limit");
  config().memory_limit = limit.is_none() ? 0 : limit.cast<size_t>();
}

}  // namespace
}  // namespace hologram::bindings

PYBIND11_MODULE(_runtime, m) {
  using namespace hologram::bindings;
  m.doc() = "The native runtime: memory pools, circuits, kernel cache, threads.";
  py::register_local_exception_translator(&translate);
  take_switches();
  hologram::set_wait_hooks({[]() -> void* { return Py_IsInitialized() && PyGILState_Check() ? PyEval_SaveThread() : nullptr; },
                            [](void* state) {
                              if (state) PyEval_RestoreThread(static_cast<PyThreadState*>(state));
                            }});
  bind_backends(m);
  bind_compiler(m);
  bind_memory(m);
  bind_executor(m);
  bind_buffer(m);
  bind_circuit(m);
  bind_dlpack(m);
  bind_plan(m);
  bind_control(m);
}
