#include "torch/device/autograd.h"

#include <ATen/ops/empty.h>
#include <c10/core/AutogradState.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/input_buffer.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/backends/cpu/queue.h"
#include "torch/device/device.h"
#include "torch/device/use.h"

namespace hologram {
namespace {

using torch::autograd::Engine;

std::atomic<pid_t> process_with_threads{0};   // a child of fork has none of its parent's threads

// A pass of one view, without a kernel. Each thread does its tasks in order: when this one is over, it has let go of all
// earlier ones.
void pass_through(c10::DeviceIndex device) {
  const auto options = at::TensorOptions(c10::Device(kDeviceType, device)).dtype(at::kFloat);
  const at::Tensor leaf = at::empty({1}, options).requires_grad_();
  torch::autograd::grad({leaf.view({1, 1})}, {leaf}, {at::empty({1, 1}, options)});
}

/// Passes that begin on this thread stay on it.
class OnThisThread {
 public:
  OnThisThread() : before_(state().get_multithreading_enabled()) { state().set_multithreading_enabled(false); }
  ~OnThisThread() { state().set_multithreading_enabled(before_); }
  OnThisThread(const OnThisThread&) = delete;

 private:
  static c10::AutogradState& state() { return c10::AutogradState::get_tls_state(); }
  const bool before_;
};

/// torch's engine, for the passes that begin in C++ (TorchScript's torch.autograd.grad, extensions): where it has no thread for the
/// device, they run on the calling one. Those that begin in Python do so by a correction of hologram_torch/_patches.py.
class CallersEngine final : public Engine {
 public:
  explicit CallersEngine(Engine& torchs) : torchs_(torchs) {}
  ~CallersEngine() override { stop(); }

  torch::autograd::variable_list execute(const torch::autograd::edge_list& roots, const torch::autograd::variable_list& inputs,
                                         bool keep_graph, bool create_graph, bool accumulate_grad,
                                         const torch::autograd::edge_list& outputs) override {
    const std::optional<OnThisThread> here = where();
    return torchs_.execute(roots, inputs, keep_graph, create_graph, accumulate_grad, outputs);
  }
  c10::intrusive_ptr<at::ivalue::Future> execute_with_graph_task(const std::shared_ptr<torch::autograd::GraphTask>& task,
                                                                 decltype(torch::autograd::Edge::function) root,
                                                                 torch::autograd::InputBuffer&& inputs) override {
    const std::optional<OnThisThread> here = where();
    return torchs_.execute_with_graph_task(task, std::move(root), std::move(inputs));
  }
  std::unique_ptr<torch::autograd::AnomalyMetadata> make_anomaly_metadata() override { return torchs_.make_anomaly_metadata(); }
  std::unique_ptr<torch::autograd::SavedVariableHooks> get_default_saved_variable_hooks() override {
    return torchs_.get_default_saved_variable_hooks();
  }
  /// Autograd asks once for the number of devices to start threads for. It asks the same again to switch streams: so make it ask now.
  void decline_device_threads() {
    if (&default_queue() != &cpu_queue()) return;
    const NoDevicesWithThreads none;
    torchs_.initialize_device_threads_pool();
  }

 private:
  std::optional<OnThisThread> where() {
    decline_device_threads();
    if (!without_device_threads()) return std::nullopt;
    return std::optional<OnThisThread>(std::in_place);
  }
  Engine& torchs_;
};

std::atomic<CallersEngine*> callers_engine{nullptr};

}  // namespace

void watch_passes() {
  static const bool once = [] {
    callers_engine = new CallersEngine(Engine::get_default_engine());   // never deleted: passes may run at the end of the process
    torch::autograd::set_default_engine_stub([]() -> Engine& { return *callers_engine.load(std::memory_order_relaxed); });
    return true;
  }();
  static_cast<void>(once);
}

void decline_device_threads() {
  if (CallersEngine* engine = callers_engine.load(std::memory_order_acquire)) engine->decline_device_threads();
}

void note_device_thread() noexcept { process_with_threads.store(getpid(), std::memory_order_relaxed); }

void drain_device_threads() {
  if (process_with_threads.load(std::memory_order_relaxed) != getpid() || without_device_threads()) return;
  // A pass remembers what is local to the thread it was started on: a new thread has nothing of Python's.
  std::thread([] {
    try {
      for (c10::DeviceIndex device = 0; device < device_count(); ++device) pass_through(device);
    } catch (const std::exception&) {   // the end of a process is no place to complain
    }
  }).join();
}

}  // namespace hologram
