#include "torch/device/autograd.h"

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/autograd.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "torch/device/device.h"
#include "torch/device/use.h"

namespace hologram {
namespace {

std::atomic<pid_t> process_with_threads{0};   // a child of fork has none of its parent's threads

// A pass of one view, without a kernel. Each thread does its tasks in order: when this one is over, it has let go of all
// earlier ones.
void pass_through(c10::DeviceIndex device) {
  const auto options = at::TensorOptions(c10::Device(kDeviceType, device)).dtype(at::kFloat);
  const at::Tensor leaf = at::empty({1}, options).requires_grad_();
  torch::autograd::grad({leaf.view({1, 1})}, {leaf}, {at::empty({1, 1}, options)});
}

}  // namespace

void note_device_thread() noexcept { process_with_threads.store(getpid(), std::memory_order_relaxed); }

void settle_device_threads() {
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
