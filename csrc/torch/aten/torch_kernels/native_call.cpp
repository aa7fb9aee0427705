#include "torch/aten/torch_kernels/native_call.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/op_registration/adaption.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "runtime/memory/block.h"
#include "torch/device/errors.h"
#include "torch/device/generator.h"

namespace hologram::aten {
namespace {

// Indices, lengths and shapes: torch accepts CPU tensors for these on every device.
bool accepts_cpu_tensor(std::string_view base, std::string_view argument) {
  static constexpr std::pair<std::string_view, std::string_view> known[] = {
      {"index", "indices"}, {"index_put", "indices"}, {"index_put_", "indices"}, {"_index_put_impl_", "indices"},
      {"_unsafe_index", "indices"}, {"_unsafe_index_put", "indices"}, {"_pack_padded_sequence", "lengths"},
      {"_pack_padded_sequence_backward", "batch_sizes"}, {"_ctc_loss", "input_lengths"}, {"_ctc_loss", "target_lengths"},
      {"_ctc_loss_backward", "input_lengths"}, {"_ctc_loss_backward", "target_lengths"},
      {"_nested_from_padded", "cpu_nested_shape_example"}};
  return std::find(std::begin(known), std::end(known), std::pair(base, argument)) != std::end(known);
}

ArgumentKind kind_of(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType: return kind_of(type->castRaw<c10::OptionalType>()->getElementType());
    case c10::TypeKind::TensorType: return ArgumentKind::Tensor;
    case c10::TypeKind::GeneratorType: return ArgumentKind::Generator;
    case c10::TypeKind::DeviceObjType: return ArgumentKind::Device;
    case c10::TypeKind::ListType: {
      const auto& element = type->castRaw<c10::ListType>()->getElementType();
      if (element->kind() == c10::TypeKind::TensorType) return ArgumentKind::TensorList;
      if (element->kind() == c10::TypeKind::OptionalType && kind_of(element) == ArgumentKind::Tensor)
        return ArgumentKind::OptionalTensorList;
      return ArgumentKind::Other;
    }
    default: return ArgumentKind::Other;
  }
}

// Statistics of a batch norm: the kernels update them, though the schemas do not say so.
bool written_in_secret(const std::string& name) { return name == "running_mean" || name == "running_var"; }

std::unique_ptr<Plan> make_plan(const c10::OperatorHandle& op) {
  auto plan = std::make_unique<Plan>(op);
  const auto& id = op.operator_name();
  const std::string base = id.name.rfind("aten::", 0) == 0 ? id.name.substr(6) : id.name;
  plan->name = id.overload_name.empty() ? base : base + "." + id.overload_name;
  plan->stat = &op_stat(plan->name.c_str());
  plan->has_cpu_kernel = op.hasComputedKernelForDispatchKey(c10::DispatchKey::CPU);
  plan->on_cuda = op.hasComputedKernelForDispatchKey(c10::DispatchKey::CUDA);
  plan->seeded = op.hasTag(at::Tag::nondeterministic_seeded);
  plan->on_mps = op.hasKernelForDispatchKey(c10::DispatchKey::MPS) && !plan->seeded;   // its fallback counts as no kernel
  const auto& schema = op.schema();
  if (const auto dropout = schema.argumentIndexWithName("dropout_p")) plan->dropout = *dropout;
  for (const auto& argument : schema.arguments()) {
    const ArgumentKind kind = kind_of(argument.type());
    if (kind == ArgumentKind::Generator) plan->seeded = plan->on_mps = false;
    const bool written = argument.alias_info() && argument.alias_info()->isWrite();
    plan->arguments.push_back({kind, written || written_in_secret(argument.name()), accepts_cpu_tensor(base, argument.name())});
  }
  for (const auto& value : schema.returns()) {
    int source = -1;
    if (value.alias_info() && value.alias_info()->isWrite())
      for (size_t i = 0; i < schema.arguments().size(); ++i) {
        const auto* info = schema.arguments()[i].alias_info();
        if (info && info->isWrite() && info->beforeSets() == value.alias_info()->beforeSets()) source = static_cast<int>(i);
      }
    plan->returns.push_back(source);
  }
  return plan;
}

uint64_t mix(PhiloxRange range) {   // the finalizer of SplitMix64 over seed and offset
  uint64_t z = range.seed ^ ((range.offset + 1) * 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace

const Plan& plan_of(const c10::OperatorHandle& op) {
  thread_local std::unordered_map<c10::OperatorHandle, const Plan*> known;
  const Plan*& found = known[op];
  if (!found) {
    static std::mutex mutex;
    static auto& plans = *new std::unordered_map<c10::OperatorHandle, std::unique_ptr<Plan>>;   // for ever: others keep the names
    std::lock_guard<std::mutex> lock(mutex);
    auto& plan = plans[op];
    if (!plan) plan = make_plan(op);
    found = plan.get();
  }
  return *found;
}

const Plan& plan_of(const char* name, const char* overload) {
  return plan_of(c10::Dispatcher::singleton().findSchemaOrThrow(name, overload));
}

at::Generator native_generator(const std::optional<at::Generator>& generator, c10::DeviceIndex device, c10::Device native) {
  const uint64_t seed = mix(reserve_philox(generator, 1, device));
  if (native.is_cpu()) return at::detail::createCPUGenerator(seed);
  at::Generator made = at::globalContext().getAcceleratorHooksInterface(native.type()).getNewGenerator(native.index());
  made.set_current_seed(seed);
  return made;
}

SeededDefault::SeededDefault(bool active, c10::DeviceIndex device, c10::Device native) {
  if (!active) return;
  static std::mutex turn;
  turn_ = std::unique_lock<std::mutex>(turn);
  if (!native.is_cpu()) {
    other_ = at::globalContext().defaultGenerator(native);
    state_ = other_.get_state();
    other_.set_current_seed(mix(reserve_philox(std::nullopt, 1, device)));
    return;
  }
  auto* generator = at::check_generator<at::CPUGeneratorImpl>(at::detail::getDefaultCPUGenerator());
  std::lock_guard<std::mutex> lock(generator->mutex_);
  saved_ = generator->clone();
  generator->set_current_seed(mix(reserve_philox(std::nullopt, 1, device)));
}

SeededDefault::~SeededDefault() {
  if (other_.defined()) other_.set_state(state_);
  if (!saved_) return;
  auto* generator = at::check_generator<at::CPUGeneratorImpl>(at::detail::getDefaultCPUGenerator());
  std::lock_guard<std::mutex> lock(generator->mutex_);
  generator->set_engine(saved_->engine());
  generator->set_next_float_normal_sample(saved_->next_float_normal_sample());
  generator->set_next_double_normal_sample(saved_->next_double_normal_sample());
}

c10::DeviceType NativeCall::resolve_device(bool may_be_gpu) {
  if (!device_)
    device_ = wanted_ ? c10::Device(kDevice, checked_device_index(wanted_->index())) : c10::Device(kDevice, current_device());
  const c10::DeviceType type = native_type(queue());
  const bool has_kernel = may_be_gpu && (type == c10::DeviceType::CUDA ? plan_.on_cuda : plan_.on_mps);
  return has_kernel ? type : c10::DeviceType::CPU;
}

void NativeCall::use(c10::DeviceType native) {
  if (C10_LIKELY(native == native_.type())) return;
  native_ = native == c10::DeviceType::CPU ? c10::Device(native) : c10::Device(native, device_->index());
  aliases_ = TensorAliases(native);
}

at::Tensor NativeCall::native(const at::Tensor& t, size_t index, bool keep_requires_grad) {
  if (!t.defined()) return t;
  const bool written = plan_.arguments[index].written;
  if (is_hologram(t)) {
    if (C10_UNLIKELY(t.device() != *device_)) wrong_device(t, index);
    if (const Block* block = C10_UNLIKELY(several_queues()) && queue_ && t.has_storage() ? block_of(t) : nullptr)
      with_c10_errors([&] { check_same_memory(*queue_, *block->queue, plan_.name.c_str()); });
    if (written) return aliases_.write(t);
    at::Tensor alias = aliases_.read(t);
    // Some kernels prepare the gradient only where one will be asked for (_sparse_mm_reduce_impl).
    if (keep_requires_grad && t.requires_grad()) alias.set_requires_grad(true);
    return alias;
  }
  // torch's rule: CPU tensors may stand beside device tensors when they are 0-dimensional inputs.
  if (C10_UNLIKELY(!t.device().is_cpu() || (on_device_ && !plan_.arguments[index].may_be_cpu && (t.dim() != 0 || written))))
    wrong_device(t, index);
  return t;
}

at::Generator NativeCall::generator(const std::optional<at::Generator>& given) const {
  if (other_tensor_.defined() && !on_device_ && given) check_generator_device(other_tensor_);
  return native_generator(given, device_->index(), native_);
}

void NativeCall::wrong_device(const at::Tensor& t, size_t index) const {
  c10::impl::common_device_check_failure(*device_, t, plan_.name.c_str(), plan_.op.schema().arguments()[index].name().c_str());
  TORCH_INTERNAL_ASSERT(false);
}

}  // namespace hologram::aten
