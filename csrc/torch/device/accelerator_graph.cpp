#include "torch/device/accelerator_graph.h"

#include <ATen/record_function.h>
#include <torch/csrc/Generator.h>
#include <torch/csrc/utils/pybind.h>

#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "bindings/graph_program.h"
#include "bindings/harden.h"
#include "runtime/base/error.h"
#include "runtime/graph/capture.h"
#include "torch/device/device.h"
#include "torch/device/step_plan.h"
#include "torch/device/threads.h"
#include "torch/device/use.h"
#include "torch/torch_version.h"

#if HOLOGRAM_TORCH_AT_LEAST(2, 13)
#include <ATen/core/GraphImplInterface.h>
#endif

namespace py = pybind11;

namespace hologram {
namespace {

/// Graphs take turns: those of one pool share memory.
std::mutex& turn() {
  static auto& mutex = *new std::mutex;
  return mutex;
}

std::shared_ptr<GraphPool> pool_of(const AcceleratorGraph::PoolId& id) {     // in turn
  static auto& pools = *new std::map<AcceleratorGraph::PoolId, std::weak_ptr<GraphPool>>;
  for (auto it = pools.begin(); it != pools.end();) it = it->second.expired() ? pools.erase(it) : std::next(it);
  auto& known = pools[id];
  std::shared_ptr<GraphPool> pool = known.lock();
  if (!pool) known = pool = std::make_shared<GraphPool>();
  return pool;
}

uint64_t next_pool() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

thread_local std::vector<std::string> ops_under_way;   // while a graph is captured

std::unique_ptr<at::ObserverContext> op_begins(const at::RecordFunction& op) {
  ops_under_way.push_back(op.name());
  return nullptr;
}
void op_ends(const at::RecordFunction&, at::ObserverContext*) {
  if (!ops_under_way.empty()) ops_under_way.pop_back();
}

/// The op that the program called: "item", "nonzero".
std::string op_under_way() {
  if (ops_under_way.empty()) return "";
  const std::string& name = ops_under_way.front();
  const size_t colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

/// The exception that Python code handles now: what a `with` block or `finally` is left by. For comparison only.
const void* handled_exception() {
  if (!Py_IsInitialized()) return nullptr;
  const py::gil_scoped_acquire gil;
  PyObject *type, *value, *traceback;
  PyErr_GetExcInfo(&type, &value, &traceback);
  const void* const found = value == Py_None ? nullptr : value;
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  return found;
}

std::string text_of_handled_exception() {
  const py::gil_scoped_acquire gil;
  PyObject *type, *value, *traceback;
  PyErr_GetExcInfo(&type, &value, &traceback);
  const auto error = py::reinterpret_steal<py::object>(value);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  std::string text = Py_TYPE(error.ptr())->tp_name;
  try {
    if (const std::string message = py::str(error); !message.empty()) text += ": " + message;
    if (text.back() == '.') text.pop_back();
  } catch (const py::error_already_set&) {   // its __str__ failed
  }
  return text;
}

void warn(const char* text) {
  const py::gil_scoped_acquire gil;
  if (PyErr_WarnEx(PyExc_UserWarning, text, 1) < 0) throw py::error_already_set();
}

/// Optimizers that count on the host are refused while a graph is captured (hologram_torch/graphs.py).
void watch_optimizers(bool on) {
  if (!Py_IsInitialized()) return;
  const py::gil_scoped_acquire gil;
  py::module_::import("hologram_torch.graphs").attr("_watch_optimizers")(on);
}

/// The graph as a drawing in Graphviz's language.
std::string dot(const Graph& graph) {
  const py::gil_scoped_acquire gil;
  return py::str(py::module_::import("hologram_torch.plan_graph").attr("dot")(bindings::program_of(graph), "graph"));
}

constexpr const char* kHowTo = "Call capture_begin() and capture_end(), or use `with torch.hologram.graph(g):`.";

}  // namespace

// ---- one capture ----

class AcceleratorGraph::Session {
 public:
  Session(Queue& queue, std::vector<Source>& sources)
      : queue_(queue), sources_(sources), thread_(std::this_thread::get_id()), handled_(handled_exception()) {
    Capture::Fixed fixed;
    for (size_t i = 1; i < sources.size(); ++i) fixed.generators.push_back(sources[i].state.get());
    queue.stream().flush(Reason::Synchronize);
    capture_.emplace(queue, std::move(fixed));
    capture_->locate = &op_under_way;
    try {
      for (Source& source : sources_) before_.push_back(source.state->get());
      // Numbers are known by their seed and offset: no two generators may have the same.
      for (size_t i = 1; i < sources_.size(); ++i) sources_[i].state->set({before_[0].seed + i, before_[i].offset});
      ops_under_way.clear();
      observer_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&op_begins, &op_ends).scopes({at::RecordScope::FUNCTION}));
      watch_optimizers(true);
    } catch (...) {
      end();
      throw;
    }
    current() = this;
  }
  ~Session() {
    if (!capture_) return;
    try {
      queue_.stream().run(Reason::Synchronize);    // what was captured may still be recorded
    } catch (...) {
    }
    end();
  }

  bool is_of_this_thread() const { return std::this_thread::get_id() == thread_; }
  bool is_left_by_exception() const {
    const void* const now = handled_exception();
    return now && now != handled_;
  }

  /// The graph; null, and why not. `saved`: bytes that were copied in order to be put back.
  std::unique_ptr<Graph> finish(std::string& reason, size_t& saved) {
    queue_.stream().flush(Reason::Synchronize);
    saved = capture_->saved_bytes();
    std::unique_ptr<Graph> graph;
    reason = capture_->reason();
    if (reason.empty()) {
      capture_->undo();
      graph = capture_->finish();
    }
    end();
    return graph;
  }

  static Session*& current() {
    static Session* session = nullptr;
    return session;
  }

 private:
  void end() {
    if (current() == this) current() = nullptr;
    if (observer_ && is_of_this_thread()) at::removeCallback(observer_);
    ops_under_way.clear();
    capture_.reset();
    for (size_t i = 0; i < before_.size(); ++i) sources_[i].state->set(before_[i]);
    try {
      watch_optimizers(false);
    } catch (...) {
    }
  }

  Queue& queue_;
  std::vector<Source>& sources_;
  const std::thread::id thread_;
  const void* const handled_;
  std::optional<Capture> capture_;
  std::vector<PhiloxRange> before_;
  at::CallbackHandle observer_ = 0;
};

bool AcceleratorGraph::captures() {
  const Session* session = capturing() ? Session::current() : nullptr;
  return session && session->is_of_this_thread();
}

AcceleratorGraph::PoolId AcceleratorGraph::new_pool() { return {0, next_pool()}; }

AcceleratorGraph::AcceleratorGraph(bool keep_graph) : keep_graph_(keep_graph), keys_(c10::impl::tls_local_dispatch_key_set()) {}

AcceleratorGraph::~AcceleratorGraph() {
  session_.reset();
  if (graph_ && ready_) {
    std::lock_guard<std::mutex> hold(turn());
    pool_->remove(*graph_);
  }
}

void AcceleratorGraph::check_idle(const char* what) const {
  HG_CHECK(!session_, "hologram.Graph.", what, ": the graph is being captured. Call capture_end() first.");
}

void AcceleratorGraph::register_generator(const at::Generator& generator) {
  check_idle("register_generator_state");
  HG_CHECK(!graph_, "hologram.Graph.register_generator_state: the graph is captured already. Register generators before.");
  philox_state_of(generator);    // one of the device
  registered_.push_back(generator);
}

void AcceleratorGraph::capture_begin(PoolId pool) {
  check_idle("capture_begin");
  HG_CHECK(!graph_, "hologram.Graph.capture_begin: this graph holds captured work already. Call reset(), or use another Graph.");
  use();
  Queue& queue = default_queue();
  HG_CHECK(queue.reads_host_memory() && queue.has_one_queue(),
           "hologram.Graph.capture_begin: graphs are captured on the cpu backend only, not on '", queue.name(),
           "'. Use set_backend('cpu').");
  limit_threads_after_fork();
  failure_.clear();
  keys_ = c10::impl::tls_local_dispatch_key_set();
  fp_mode_ = fp_mode();
  sources_.clear();
  sources_.push_back({philox_state_of(default_generator()), 0});
  for (const at::Generator& generator : registered_) {
    const auto state = philox_state_of(generator);
    bool known = false;
    for (const Source& source : sources_) known |= source.state == state;
    if (!known) sources_.push_back({state, 0});
  }
  auto session = std::make_unique<Session>(queue, sources_);
  pool_id_ = pool == kNoPool ? PoolId{next_pool(), 0} : pool;
  std::lock_guard<std::mutex> hold(turn());
  pool_ = pool_of(pool_id_);
  session_ = std::move(session);
}

void AcceleratorGraph::capture_end() {
  HG_CHECK(session_, "hologram.Graph.capture_end: no capture is under way. Call capture_begin() first.");
  HG_CHECK(session_->is_of_this_thread(), "hologram.Graph.capture_end: another thread began the capture. It must end it.");
  const std::unique_ptr<Session> session = std::move(session_);
  if (session->is_left_by_exception()) {    // it goes on: what was captured is a part of what was meant
    failure_ = "its capture was ended by an exception (" + text_of_handled_exception() + ")";
    return;
  }
  std::string reason;
  try {
    graph_ = session->finish(reason, saved_bytes_);
  } catch (const std::exception& error) {
    failure_ = std::string("its capture failed: ") + error.what();
    throw;
  }
  if (!graph_) {
    failure_ = "its capture failed: " + reason;
    fail(Error::Kind::Runtime, "hologram.Graph.capture_end: this cannot be captured: ", reason, ".");
  }
  sources_[0].draws = graph_->draws();
  for (size_t i = 1; i < sources_.size(); ++i) sources_[i].draws = graph_->further_draws()[i - 1];
  if (!keep_graph_) instantiate();
  if (graph_->num_nodes() == 0)
    warn("hologram.Graph: nothing was captured. Work on tensors of the device belongs between capture_begin() and capture_end().");
}

void AcceleratorGraph::instantiate() {
  check_idle("instantiate");
  HG_CHECK(graph_, "hologram.Graph.instantiate: ", failure_.empty() ? "nothing was captured" : failure_, ". ", kHowTo);
  if (ready_) return;
  graph_->prepare();
  std::lock_guard<std::mutex> hold(turn());
  pool_->add(*graph_);
  ready_ = true;
}

void AcceleratorGraph::replay() {
  check_idle("replay");
  HG_CHECK(graph_, "hologram.Graph.replay: ", failure_.empty() ? "nothing was captured" : failure_, ". ", kHowTo);
  HG_CHECK(!capturing(),
           "hologram.Graph.replay: another graph is being captured, and a replay cannot be part of it. End the capture first.");
  if (!ready_) instantiate();
  limit_threads_after_fork();
  graph_->catch_up();    // before its turn: making a kernel takes Python's lock
  std::lock_guard<std::mutex> hold(turn());
  PhiloxRange first{0, 0};
  c10::SmallVector<Graph::NumberRange, 2> further;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const PhiloxRange range = sources_[i].state->reserve(sources_[i].draws);
    if (i == 0) first = range;
    else further.push_back({range.seed, range.offset});
  }
  const c10::impl::ForceDispatchKeyGuard modes(keys_);
  const FpScope rounding(fp_mode_);
  graph_->run(first.seed, first.offset, further.data());
}

void AcceleratorGraph::reset() {
  check_idle("reset");
  if (graph_ && ready_) {
    std::lock_guard<std::mutex> hold(turn());
    pool_->remove(*graph_);
  }
  graph_.reset();
  pool_.reset();
  pool_id_ = kNoPool;
  ready_ = false;
  failure_.clear();
}

AcceleratorGraph::PoolId AcceleratorGraph::pool() const {
  HG_CHECK(pool_id_ != kNoPool, "hologram.Graph.pool: the graph has no pool before it is captured. ", kHowTo);
  return pool_id_;
}

void AcceleratorGraph::debug_dump(const std::string& path) const {
  HG_CHECK(graph_, "hologram.Graph.debug_dump: ", failure_.empty() ? "nothing was captured" : failure_, ". ", kHowTo);
  if (!debug_) return warn("hologram.Graph.debug_dump: nothing is written. Call enable_debug_mode() before.");
  std::ofstream file(path);
  file << dot(*graph_);
  file.close();
  HG_CHECK(file, "hologram.Graph.debug_dump: '", path, "' cannot be written. Choose another path.");
}

// ---- torch.accelerator.Graph ----

#if HOLOGRAM_TORCH_AT_LEAST(2, 13)
namespace {

class GraphImpl final : public at::GraphImplInterface {
 public:
  explicit GraphImpl(const at::GraphImplArgs& args) : graph_(args.keep_graph) {}
  void capture_begin(at::MempoolId_t pool, at::GraphCaptureMode) override { graph_.capture_begin(pool); }
  void capture_end() override { graph_.capture_end(); }
  void instantiate() override { graph_.instantiate(); }
  void replay() override { graph_.replay(); }
  void reset() override { graph_.reset(); }
  at::MempoolId_t pool() const override { return graph_.pool(); }
  void enable_debug_mode() override { graph_.enable_debug_mode(); }
  void debug_dump(const std::string& path) override { graph_.debug_dump(path); }

 private:
  AcceleratorGraph graph_;
};

}  // namespace
}  // namespace hologram

namespace at {
REGISTER_GRAPH_IMPL(HOLOGRAM, hologram::GraphImpl)     // under the device's name in capitals
}

namespace hologram {
#endif

void bind_accelerator_graphs(py::module_& m) {
  const auto without_gil = py::call_guard<py::gil_scoped_release>();
  py::class_<AcceleratorGraph>(m, "AcceleratorGraph")
      .def(py::init<bool>(), py::arg("keep_graph") = false)
      .def("register_generator_state",
           [](AcceleratorGraph& graph, const py::object& generator) {
             if (!THPGenerator_Check(generator.ptr()))
               throw py::type_error("hologram.Graph.register_generator_state: a torch.Generator is needed.");
             graph.register_generator(THPGenerator_Unwrap(generator.ptr()));
           })
      .def(
          "capture_begin",
          [](AcceleratorGraph& graph, std::optional<AcceleratorGraph::PoolId> pool) {
            graph.capture_begin(pool.value_or(AcceleratorGraph::kNoPool));
          },
          py::arg("pool") = py::none())
      .def("capture_end", &AcceleratorGraph::capture_end)
      .def("instantiate", &AcceleratorGraph::instantiate)
      .def("replay", &AcceleratorGraph::replay, without_gil)
      .def("reset", &AcceleratorGraph::reset)
      .def("pool", &AcceleratorGraph::pool)
      .def("enable_debug_mode", &AcceleratorGraph::enable_debug_mode)
      .def("debug_dump", &AcceleratorGraph::debug_dump, py::arg("path"))
      .def("program",
           [](const AcceleratorGraph& graph) { return graph.graph() ? bindings::program_of(*graph.graph()) : py::list(); })
      .def_property_readonly("pool_bytes", &AcceleratorGraph::pool_bytes)
      .def_property_readonly("saved_bytes", &AcceleratorGraph::saved_bytes);
  m.def("graph_pool_handle", &AcceleratorGraph::new_pool);
  m.def("is_graph_capturing", &AcceleratorGraph::captures);
  bindings::harden<AcceleratorGraph>(m, "AcceleratorGraph",
                                     "hologram.AcceleratorGraph: it was never initialised. See torch.hologram.Graph.");
}

}  // namespace hologram
