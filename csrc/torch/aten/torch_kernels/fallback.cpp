#include "torch/aten/torch_kernels/fallback.h"

#include <c10/util/Exception.h>
#include <torch/library.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/aten/torch_kernels/native_call.h"

namespace hologram::aten {
namespace {

/// Why torch's kernel runs: nothing else serves the op, or its arguments are handles on dense tensors.
enum class Route : uint8_t { Dense, Handles };

class BoxedCall {
 public:
  BoxedCall(const Plan& plan, torch::jit::Stack* stack, Route route)
      : plan_(plan), stack_(*stack), first_(stack->size() - plan.arguments.size()), route_(route), call_(plan) {}

  c10::IValue& argument(size_t i) { return stack_[first_ + i]; }

  c10::DeviceType look() {
    for (size_t i = 0; i < plan_.arguments.size(); ++i) {
      const c10::IValue& value = argument(i);
      switch (plan_.arguments[i].kind) {
        case ArgumentKind::Tensor: if (value.isTensor()) call_.look(value.toTensor()); break;
        case ArgumentKind::TensorList:
          if (value.isTensorList()) for (const at::Tensor& t : value.toTensorVector()) call_.look(t);
          break;
        case ArgumentKind::OptionalTensorList:
          if (value.isList()) for (const c10::IValue& t : value.toListRef()) if (t.isTensor()) call_.look(t.toTensor());
          break;
        case ArgumentKind::Device: if (value.isDevice()) call_.look_at_device(value.toDevice()); break;
        default: break;
      }
    }
    return call_.resolve_device(/*may_be_gpu=*/route_ != Route::Handles);
  }

  /// Before arguments are converted, and once more when a kernel refused them.
  void use(c10::DeviceType native) {
    call_.use(native);
    if (native == c10::DeviceType::MPS) given_.assign(stack_.begin() + static_cast<std::ptrdiff_t>(first_), stack_.end());
    else if (!given_.empty()) {
      stack_.resize(first_);
      stack_.insert(stack_.end(), given_.begin(), given_.end());
      originals_.clear();
    }
  }

  /// Replaces hologram arguments by native ones. Written arguments keep their originals for to_hologram().
  void to_native() {
    for (size_t i = 0; i < plan_.arguments.size(); ++i) {
      c10::IValue& value = argument(i);
      const bool written = plan_.arguments[i].written;
      switch (plan_.arguments[i].kind) {
        case ArgumentKind::Tensor:
          if (!value.isTensor()) break;
          if (written) originals_.emplace_back(static_cast<int>(i), value);
          value = call_.native(value.toTensor(), i, true);
          break;
        case ArgumentKind::TensorList: {
          if (!value.isTensorList()) break;
          if (written) originals_.emplace_back(static_cast<int>(i), value);
          c10::List<at::Tensor> list;
          for (const at::Tensor& t : value.toTensorVector()) list.push_back(call_.native(t, i, true));
          value = std::move(list);
          break;
        }
        case ArgumentKind::OptionalTensorList: {
          if (!value.isList()) break;
          c10::List<std::optional<at::Tensor>> list;
          for (const c10::IValue& t : value.toListRef())
            list.push_back(t.isTensor() ? std::optional<at::Tensor>(call_.native(t.toTensor(), i, true)) : std::nullopt);
          value = std::move(list);
          break;
        }
        case ArgumentKind::Generator:
          value = call_.generator(value.isNone() ? std::nullopt : std::optional<at::Generator>(value.toGenerator()));
          break;
        case ArgumentKind::Device: if (value.isDevice()) value = call_.native_device(value.toDevice()); break;
        case ArgumentKind::Other: break;
      }
    }
  }

  void run() {
    const NativeScope scope(call_, plan_.seeded && (plan_.dropout < 0 || argument(plan_.dropout).toDouble() != 0));
    if (route_ == Route::Dense) plan_.op.redispatchBoxed(call_.key(), &stack_);
    else plan_.op.callBoxed(&stack_);   // the kernel depends on which arguments are sparse or nested
  }

  void to_hologram() {
    call_.write_back();
    const size_t first = stack_.size() - plan_.returns.size();
    for (size_t i = 0; i < plan_.returns.size(); ++i) {
      c10::IValue& value = stack_[first + i];
      if (plan_.returns[i] >= 0) {
        for (auto& [index, original] : originals_)
          if (index == plan_.returns[i]) value = original;
      } else if (value.isTensor()) {
        value = call_.result(value.toTensor());
      } else if (value.isTensorList()) {
        c10::List<at::Tensor> list;
        for (const at::Tensor& t : value.toTensorVector()) list.push_back(call_.result(t));
        value = std::move(list);
      }
    }
  }

  torch::jit::Stack arguments() const { return {stack_.begin() + static_cast<std::ptrdiff_t>(first_), stack_.end()}; }
  /// The results that are no arguments.
  std::vector<at::Tensor> made() const {
    std::vector<at::Tensor> list;
    for (size_t i = 0; i < plan_.returns.size(); ++i) {
      const c10::IValue& value = stack_[stack_.size() - plan_.returns.size() + i];
      if (plan_.returns[i] >= 0) continue;
      if (value.isTensor()) list.push_back(value.toTensor());
      else if (value.isTensorList())
        for (const at::Tensor& t : value.toTensorVector()) list.push_back(t);
    }
    return list;
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
  const Plan& plan_;
  torch::jit::Stack& stack_;
  const size_t first_;
  const Route route_;
  NativeCall call_;
  c10::SmallVector<std::pair<int, c10::IValue>, 2> originals_;
  std::vector<c10::IValue> given_;   // the arguments as they came, where a kernel may refuse them
};

void run_native(const Plan& plan, torch::jit::Stack* stack, Route route) {
  BoxedCall call(plan, stack, route);
  TORCH_CHECK_NOT_IMPLEMENTED(plan.has_cpu_kernel || route == Route::Handles, "hologram.", plan.name, ": neither the device nor "
                              "PyTorch's CPU has a kernel for it (", call.describe(), "). Use an equivalent op.");
  on_native(call.look(), [&](c10::DeviceType native) {
    CapturedCall captured;
    call.use(native);
    call.to_native();
    torch::jit::Stack arguments;
    if (capturing()) arguments = call.arguments();
    call.run();
    call.to_hologram();
    if (capturing()) captured.add(plan, std::move(arguments), call.made());
  });
}

std::atomic<FallbackMode>& mode() {
  static std::atomic<FallbackMode> value{FallbackMode::Allow};
  return value;
}

void run_fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack, Route route) {
  const Plan& plan = plan_of(op);
  const FallbackMode m = mode().load(std::memory_order_relaxed);
  if (C10_UNLIKELY(m != FallbackMode::Allow)) {
    TORCH_CHECK(m != FallbackMode::Error, "hologram.", plan.name, ": no compiled or library kernel for these arguments (",
                BoxedCall(plan, stack, route).describe(),
                ") and HOLOGRAM_FALLBACK=error. Allow PyTorch's CPU kernel with "
                "HOLOGRAM_FALLBACK=allow, or use an op that torch.hologram.op_report() lists as compiled.");
    if (plan.stat->fallback.load(std::memory_order_relaxed) == 0)
      TORCH_WARN("hologram.", plan.name, ": runs in PyTorch's CPU kernel on the device's memory (",
                 BoxedCall(plan, stack, route).describe(), ").");
  }
  run_native(plan, stack, route);
  plan.stat->fallback.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) { run_fallback(op, stack, Route::Dense); }
void fallback_for_handles(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  run_fallback(op, stack, Route::Handles);
}

void register_fallbacks(torch::Library& m, c10::DispatchKey native, std::initializer_list<std::string_view> except) {
  for (const c10::OperatorName& op : c10::Dispatcher::singleton().getRegistrationsForDispatchKey(native)) {
    if (op.name.rfind("aten::", 0) != 0) continue;
    const std::string name = op.overload_name.empty() ? op.name : op.name + "." + op.overload_name;
    if (std::find(except.begin(), except.end(), std::string_view(name).substr(6)) != except.end()) continue;
    m.impl(name.c_str(), torch::CppFunction::makeFromBoxedFunction<&fallback_for_handles>());
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
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>());
}

}  // namespace hologram::aten
