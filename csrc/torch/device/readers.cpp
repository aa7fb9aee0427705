#include "torch/device/readers.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include <string>
#include <unordered_map>

#include "runtime/graph/capturing.h"
#include "torch/device/allocator.h"
#include "torch/device/device.h"
#include "torch/device/errors.h"
#include "torch/device/storage.h"
#include "torch/distributed/backend.h"

namespace hologram {
namespace {

Block* readable_block(const at::Tensor& t) {
  return t.defined() && t.device().type() == kDeviceType && t.has_storage() ? block_of(t.storage().data_ptr()) : nullptr;
}

void run_recorded_in(const c10::IValue& value) {
  if (value.isTensor()) run_recorded(value.toTensor());
  else if (value.isList())
    for (const c10::IValue& item : value.toListRef()) run_recorded_in(item);
}

/// torch's kernels by operator, as they were before ours took their place. Written while the module is loaded.
std::unordered_map<c10::OperatorName, c10::SafeKernelFunction>& kernels_of_torch() {
  static auto& kernels = *new std::unordered_map<c10::OperatorName, c10::SafeKernelFunction>;
  return kernels;
}

void run_collective(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  const size_t arguments = op.schema().arguments().size();
  for (size_t i = stack->size() - arguments; i < stack->size(); ++i) {
    run_recorded_in((*stack)[i]);
    serve_process_group((*stack)[i]);
  }
  kernels_of_torch().at(op.operator_name()).callBoxed(op, keys, stack);
}

/// What such a function computes on the way (a contiguous copy) it reads by address too: nothing is recorded meanwhile.
void run_on_addresses(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) {
  struct Pause {
    Pause() { pause_recording(); }
    ~Pause() { resume_recording(); }
  };
  TORCH_CHECK_NOT_IMPLEMENTED(default_queue().reads_host_memory(), "hologram.", op.schema().name().substr(sizeof("aten::") - 1),
                              ": runs on the host, which does not see the memory of the backend '", default_queue().name(),
                              "'. Move the arguments to 'cpu'.");
  const Pause pause;
  run_collective(op, keys, stack);
}

std::string overload_of(const c10::OperatorName& name) {
  return name.overload_name.empty() ? name.name : name.name + "." + name.overload_name;
}

/// `kernel` in the place of torch's for the device, which stays at hand.
template <c10::BoxedKernel::BoxedKernelFunction_withDispatchKeys* kernel>
void wrap(torch::Library& library, const c10::OperatorHandle& op) {
  kernels_of_torch().emplace(op.operator_name(), op.getComputedKernelForDispatchKey(c10::DispatchKey::PrivateUse1));
  library.impl(overload_of(op.operator_name()).c_str(), torch::CppFunction::makeFromBoxedFunction<kernel>());
}

bool reads_addresses(const c10::OperatorName& name) {
  return name.name == "aten::choose_qparams_optimized" || name.name.rfind("aten::fbgemm_", 0) == 0;
}

/// torch warns, once in a process, that a kernel takes the place of another one. The warning stays there for others.
class Unannounced {
 private:
  struct Silent final : c10::WarningHandler {
    void process(const c10::Warning&) override {}
  };
  Silent silent_;
  c10::WarningUtils::WarningHandlerGuard handler_{&silent_};
  c10::WarningUtils::WarnAlways always_;   // so that "once" is not used up
};

}  // namespace

void run_recorded(const at::Tensor& t) {
  if (Block* block = readable_block(t))
    with_c10_errors([&] {
      if (capturing()) note_host_access(*block);
      stop_watching(*block);   // a collective may write it, at any time until it is done
      block->queue->stream().before_write(block);
    });
}

void hand_out(const at::Tensor& t) {
  if (Block* block = readable_block(t)) expose(*block);
}

void register_readers() {
  auto& dispatcher = c10::Dispatcher::singleton();
  const auto library = [](const char* space, c10::DispatchKey key) -> torch::Library& {   // registrations live as long as it does
    return *new torch::Library(torch::Library::IMPL, space, key, __FILE__, __LINE__);
  };
  static torch::Library &collectives = library("c10d", c10::DispatchKey::PrivateUse1), &aten = library("aten", c10::DispatchKey::PrivateUse1),
                        &autograd = library("aten", c10::DispatchKey::AutogradPrivateUse1);
  const Unannounced quietly;
  for (const c10::OperatorName& name : dispatcher.getRegistrationsForDispatchKey(c10::DispatchKey::PrivateUse1)) {
    if (name.name.rfind("c10d::", 0) != 0) continue;
    const std::optional<c10::OperatorHandle> op = dispatcher.findSchema(name);
    if (op) wrap<&run_collective>(collectives, *op);
  }
  for (const c10::OperatorName& name : dispatcher.getRegistrationsForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd)) {
    if (!reads_addresses(name)) continue;
    const std::optional<c10::OperatorHandle> op = dispatcher.findSchema(name);
    if (!op) continue;
    wrap<&run_on_addresses>(aten, *op);
    autograd.impl(overload_of(name).c_str(), torch::CppFunction::makeFallthrough());   // no derivative, as on the CPU
  }
}

}  // namespace hologram
