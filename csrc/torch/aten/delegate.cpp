#include "torch/aten/delegate.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/op_registration/adaption.h>
#include <c10/util/Exception.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include "torch/aten/native.h"
#include "torch/device/device.h"
#include "torch/device/generator.h"

namespace hologram::aten {
namespace {

// ---- what is known about an op before it is called: worked out once per op ----

enum class Kind : uint8_t { Other, Tensor, TensorList, OptionalTensorList, Generator, Device };

struct Argument {
  Kind kind;
  bool written;
};

struct Plan {
  std::string name;                      // "add.Tensor"
  OpStat* stat;
  c10::SmallVector<Argument, 12> arguments;
  c10::SmallVector<int, 4> returns;      // the written argument a return stands for, or -1
  int num_tensors = 0;
  bool seeded = false;                   // draws random numbers without a Generator argument ...
  int dropout = -1;                      // ... but only if this argument, a probability, is not 0
  bool takes_cpu_tensors = false;        // torch lets CPU tensors of any size in beside device tensors
  bool served = false;                   // torch has a CPU kernel
};

// Ops whose CPU arguments are metadata (lengths, batch sizes) or indices; torch accepts these on every device.
bool accepts_cpu_tensors(const std::string& base) {
  static const char* const names[] = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index",
                                      "_unsafe_index_put", "_pack_padded_sequence", "_pack_padded_sequence_backward",
                                      "_ctc_loss", "_ctc_loss_backward", "set_"};
  for (const char* name : names)
    if (base == name) return true;
  return false;
}

Kind kind_of(const c10::TypePtr& type) {
  switch (type->kind()) {
    case c10::TypeKind::OptionalType: return kind_of(type->castRaw<c10::OptionalType>()->getElementType());
    case c10::TypeKind::TensorType: return Kind::Tensor;
    case c10::TypeKind::GeneratorType: return Kind::Generator;
    case c10::TypeKind::DeviceObjType: return Kind::Device;
    case c10::TypeKind::ListType: {
      const auto& element = type->castRaw<c10::ListType>()->getElementType();
      if (element->kind() == c10::TypeKind::TensorType) return Kind::TensorList;
      if (element->kind() == c10::TypeKind::OptionalType && kind_of(element) == Kind::Tensor)
        return Kind::OptionalTensorList;
      return Kind::Other;
    }
    default: return Kind::Other;
  }
}

std::unique_ptr<Plan> make_plan(const c10::OperatorHandle& op) {
  auto plan = std::make_unique<Plan>();
  const auto& id = op.operator_name();
  const std::string base = id.name.rfind("aten::", 0) == 0 ? id.name.substr(6) : id.name;
  plan->name = id.overload_name.empty() ? base : base + "." + id.overload_name;
  plan->stat = &op_stat(plan->name.c_str());
  plan->takes_cpu_tensors = accepts_cpu_tensors(base);
  plan->served = op.hasComputedKernelForDispatchKey(c10::DispatchKey::CPU);
  plan->seeded = op.hasTag(at::Tag::nondeterministic_seeded);
  const auto& schema = op.schema();
  if (const auto dropout = schema.argumentIndexWithName("dropout_p")) plan->dropout = *dropout;
  for (const auto& argument : schema.arguments()) {
    const Kind kind = kind_of(argument.type());
    if (kind == Kind::Generator) plan->seeded = false;
    if (kind == Kind::Tensor || kind == Kind::TensorList || kind == Kind::OptionalTensorList) ++plan->num_tensors;
    plan->arguments.push_back({kind, argument.alias_info() && argument.alias_info()->isWrite()});
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

// ---- random numbers: a CPU generator that is a function of the device generator's state ----

uint64_t mix(PhiloxRange range) {   // the finalizer of SplitMix64 over seed and offset
  uint64_t z = range.seed ^ ((range.offset + 1) * 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

at::Generator native_generator(const std::optional<at::Generator>& generator) {
  return at::detail::createCPUGenerator(mix(reserve_philox(generator, 1)));
}

// For ops that draw from the CPU's default generator because their schema has no Generator: seeds it from the device's
// generator and puts its state back afterwards. Such calls take turns.
class SeededDefault {
 public:
  explicit SeededDefault(bool active) {
    if (!active) return;
    static std::mutex turn;
    turn_ = std::unique_lock<std::mutex>(turn);
    auto* generator = at::check_generator<at::CPUGeneratorImpl>(at::detail::getDefaultCPUGenerator());
    std::lock_guard<std::mutex> lock(generator->mutex_);
    saved_ = generator->clone();
    generator->set_current_seed(mix(reserve_philox(std::nullopt, 1)));
  }
  ~SeededDefault() {
    if (!saved_) return;
    auto* generator = at::check_generator<at::CPUGeneratorImpl>(at::detail::getDefaultCPUGenerator());
    std::lock_guard<std::mutex> lock(generator->mutex_);
    generator->set_engine(saved_->engine());
    generator->set_next_float_normal_sample(saved_->next_float_normal_sample());
    generator->set_next_double_normal_sample(saved_->next_double_normal_sample());
  }

 private:
  std::unique_lock<std::mutex> turn_;
  std::shared_ptr<at::CPUGeneratorImpl> saved_;
};

// ---- one call ----

/// Why torch's kernel runs: it is meant to, nothing else serves the op, or its arguments are handles on dense tensors.
enum class Route : uint8_t { Library, Delegate, DelegateHandles };

class Call {
 public:
  Call(const c10::OperatorHandle& op, const Plan& plan, torch::jit::Stack* stack, Route route = Route::Delegate)
      : op_(op), plan_(plan), stack_(*stack), first_(stack->size() - plan.arguments.size()), route_(route) {}

  c10::IValue& argument(size_t i) { return stack_[first_ + i]; }

  /// The device results live on: that of any hologram tensor (the first tensor argument may be a Python number), else the
  /// Device argument.
  void find_device() {
    for (size_t i = 0; i < plan_.arguments.size() && !device_; ++i) {
      const c10::IValue& value = argument(i);
      switch (plan_.arguments[i].kind) {
        case Kind::Tensor: if (value.isTensor()) look_at(value.toTensor()); break;
        case Kind::TensorList:
          if (value.isTensorList()) for (const at::Tensor& t : value.toTensorVector()) look_at(t);
          break;
        case Kind::OptionalTensorList:
          if (value.isList()) for (const c10::IValue& t : value.toListRef()) if (t.isTensor()) look_at(t.toTensor());
          break;
        default: break;
      }
    }
    if (device_) return;
    for (size_t i = 0; i < plan_.arguments.size(); ++i)
      if (plan_.arguments[i].kind == Kind::Device && argument(i).isDevice() && argument(i).toDevice().type() == kDevice)
        device_ = c10::Device(kDevice, checked_device_index(argument(i).toDevice().index()));
    if (!device_) device_ = c10::Device(kDevice, current_device());
  }

  /// Replaces hologram arguments by native ones. Written arguments keep their originals for returns().
  void to_native() {
    for (size_t i = 0; i < plan_.arguments.size(); ++i) {
      c10::IValue& value = argument(i);
      const bool written = plan_.arguments[i].written;
      switch (plan_.arguments[i].kind) {
        case Kind::Tensor:
          if (!value.isTensor()) break;
          if (written) originals_.emplace_back(static_cast<int>(i), value);
          value = native(value.toTensor(), i);
          break;
        case Kind::TensorList: {
          if (!value.isTensorList()) break;
          if (written) originals_.emplace_back(static_cast<int>(i), value);
          c10::List<at::Tensor> list;
          for (const at::Tensor& t : value.toTensorVector()) list.push_back(native(t, i));
          value = std::move(list);
          break;
        }
        case Kind::OptionalTensorList: {
          if (!value.isList()) break;
          c10::List<std::optional<at::Tensor>> list;
          for (const c10::IValue& t : value.toListRef())
            list.push_back(t.isTensor() ? std::optional<at::Tensor>(native(t.toTensor(), i)) : std::nullopt);
          value = std::move(list);
          break;
        }
        case Kind::Generator:
          if (other_tensor_.defined() && !first_tensor_.defined() && !value.isNone()) check_generator_device(other_tensor_);
          value = native_generator(value.isNone() ? std::nullopt : std::optional<at::Generator>(value.toGenerator()));
          break;
        case Kind::Device:
          if (value.isDevice() && value.toDevice().type() == kDevice) value = c10::Device(c10::DeviceType::CPU);
          break;
        case Kind::Other: break;
      }
    }
  }

  void run() {
    // Aliases are below autograd already; this also keeps what native kernels call from looking at it.
    at::AutoDispatchBelowADInplaceOrView below;
    PoolScope pool(backend());
    SeededDefault seeded(plan_.seeded && (plan_.dropout < 0 || argument(plan_.dropout).toDouble() != 0));
    if (C10_LIKELY(route_ != Route::DelegateHandles)) op_.redispatchBoxed(c10::DispatchKeySet(c10::DispatchKey::CPU), &stack_);
    else op_.callBoxed(&stack_);   // the kernel depends on which arguments are sparse or nested
  }

  void to_hologram() {
    aliases_.write_back();
    const size_t first = stack_.size() - plan_.returns.size();
    for (size_t i = 0; i < plan_.returns.size(); ++i) {
      c10::IValue& value = stack_[first + i];
      if (plan_.returns[i] >= 0) {
        for (auto& [index, original] : originals_)
          if (index == plan_.returns[i]) value = original;
      } else if (value.isTensor()) {
        value = aliases_.result(value.toTensor(), *device_);
      } else if (value.isTensorList()) {
        c10::List<at::Tensor> list;
        for (const at::Tensor& t : value.toTensorVector()) list.push_back(aliases_.result(t, *device_));
        value = std::move(list);
      }
    }
  }

  /// "float32 [2, 3], int64 []": the tensor arguments, for messages.
  std::string describe() {
    std::ostringstream text;
    const char* separator = "";
    auto one = [&](const at::Tensor& t) {
      if (!t.defined()) return;
      text << separator << t.scalar_type() << ' ';
      if (t.is_nested()) text << "nested";
      else text << t.sizes();
      separator = ", ";
    };
    for (size_t i = 0; i < plan_.arguments.size(); ++i) {
      const c10::IValue& value = argument(i);
      if (value.isTensor()) one(value.toTensor());
      if (value.isTensorList()) for (const at::Tensor& t : value.toTensorVector()) one(t);
    }
    return text.str();
  }

 private:
  void look_at(const at::Tensor& t) {
    if (!device_ && is_hologram(t)) {
      device_ = t.device();
      first_tensor_ = t;
    } else if (!other_tensor_.defined()) {
      other_tensor_ = t;
    }
  }

  Backend& backend() const { return first_tensor_.defined() && first_tensor_.has_storage() ? backend_of(first_tensor_) : current_backend(); }

  at::Tensor native(const at::Tensor& t, size_t index) {
    const bool written = plan_.arguments[index].written;
    if (!t.defined()) return t;
    if (is_hologram(t)) {
      if (C10_UNLIKELY(t.device() != *device_)) wrong_device(t, index);
      if (written) return aliases_.write(t);
      const at::Tensor alias = aliases_.read(t);
      // Some kernels prepare the gradient only where one will be asked for (_sparse_mm_reduce_impl).
      if (route_ != Route::Library && t.requires_grad()) alias.set_requires_grad(true);
      return alias;
    }
    // torch's rule: CPU tensors may stand beside device tensors when they are 0-dimensional inputs.
    if (C10_UNLIKELY(!t.device().is_cpu() ||
                     (first_tensor_.defined() && !plan_.takes_cpu_tensors && (t.dim() != 0 || written))))
      wrong_device(t, index);
    return t;
  }

  [[noreturn]] void wrong_device(const at::Tensor& t, size_t index) {
    c10::impl::common_device_check_failure(*device_, t, plan_.name.c_str(), op_.schema().arguments()[index].name().c_str());
    TORCH_INTERNAL_ASSERT(false);
  }

  const c10::OperatorHandle& op_;
  const Plan& plan_;
  torch::jit::Stack& stack_;
  const size_t first_;
  const Route route_;
  std::optional<c10::Device> device_;
  at::Tensor first_tensor_;    // the first one on the device
  at::Tensor other_tensor_;    // one that may lie anywhere
  Aliases aliases_;
  c10::SmallVector<std::pair<int, c10::IValue>, 2> originals_;
};

void run_native(const c10::OperatorHandle& op, const Plan& plan, torch::jit::Stack* stack, Route route) {
  Call call(op, plan, stack, route);
  TORCH_CHECK_NOT_IMPLEMENTED(plan.served || route == Route::DelegateHandles, "hologram.", plan.name,
                              ": neither the device nor PyTorch's CPU has a kernel for it (", call.describe(), "). Use an equivalent op.");
  call.find_device();
  call.to_native();
  call.run();
  call.to_hologram();
}

std::atomic<FallbackMode>& mode() {
  static std::atomic<FallbackMode> value = [] {
    const char* name = std::getenv("HOLOGRAM_FALLBACK");
    return name && *name ? parse_fallback_mode(name) : FallbackMode::Allow;
  }();
  return value;
}

void run_delegated(const c10::OperatorHandle& op, torch::jit::Stack* stack, Route route) {
  const Plan& plan = plan_of(op);
  const FallbackMode m = mode().load(std::memory_order_relaxed);
  if (C10_UNLIKELY(m != FallbackMode::Allow)) {
    TORCH_CHECK(m != FallbackMode::Error, "hologram.", plan.name, ": no compiled or library kernel for these arguments (",
                Call(op, plan, stack).describe(), ") and HOLOGRAM_FALLBACK=error. Allow PyTorch's CPU kernel with "
                "HOLOGRAM_FALLBACK=allow, or use an op that torch.hologram.op_report() lists as compiled.");
    if (plan.stat->delegated.load(std::memory_order_relaxed) == 0)
      TORCH_WARN("hologram.", plan.name, ": runs in PyTorch's CPU kernel on the device's memory (",
                 Call(op, plan, stack).describe(), ").");
  }
  run_native(op, plan, stack, route);
  plan.stat->delegated.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void library(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const Plan& plan = plan_of(op);
  run_native(op, plan, stack, Route::Library);
  plan.stat->library.fetch_add(1, std::memory_order_relaxed);
}

void delegate(const c10::OperatorHandle& op, torch::jit::Stack* stack) { run_delegated(op, stack, Route::Delegate); }
void delegate_handles(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  run_delegated(op, stack, Route::DelegateHandles);
}

void delegate_each(torch::Library& m, c10::DispatchKey native, std::initializer_list<std::string_view> except) {
  for (const c10::OperatorName& op : c10::Dispatcher::singleton().getRegistrationsForDispatchKey(native)) {
    if (op.name.rfind("aten::", 0) != 0) continue;
    const std::string name = op.overload_name.empty() ? op.name : op.name + "." + op.overload_name;
    if (std::find(except.begin(), except.end(), std::string_view(name).substr(6)) != except.end()) continue;
    m.impl(name.c_str(), torch::CppFunction::makeFromBoxedFunction<&delegate_handles>());
  }
}

constexpr const char* kModeNames[] = {"allow", "warn", "error"};   // in the order of FallbackMode

const char* fallback_mode_name(FallbackMode m) { return kModeNames[static_cast<int>(m)]; }

FallbackMode parse_fallback_mode(std::string_view name) {
  for (int i = 0; i < 3; ++i)
    if (name == kModeNames[i]) return static_cast<FallbackMode>(i);
  C10_THROW_ERROR(ValueError, c10::str("hologram: fallback mode '", name, "' is unknown. Use allow, warn or error."));
}

FallbackMode fallback_mode() { return mode().load(); }
void set_fallback_mode(FallbackMode m) { mode().store(m); }

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&delegate>());
}

}  // namespace hologram::aten
