// Ops that torch's own CPU kernels serve, on the device's memory.
//
// `fallback` is the fallback for every op that nothing else serves. It is boxed: one walk over the schema serves all of them.
// Ops that are meant to run in torch's kernels do not come here (typed_call.h).
#pragma once

#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <torch/library.h>

#include <initializer_list>
#include <string_view>
#include <utility>

namespace hologram::aten {

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack);
/// Serves calls with arguments that are handles on dense tensors: sparse and nested ones.
void fallback_for_handles(const c10::OperatorHandle& op, torch::jit::Stack* stack);
/// Registers `fallback_for_handles` for every aten op that has a kernel under the key `native` in the installed torch, but for
/// those named in `except`. A fallback would not do: composite kernels, which assume dense tensors, come before it.
void register_fallbacks(torch::Library& m, c10::DispatchKey native, std::initializer_list<std::string_view> except = {});

namespace detail {
template <class Op, class Schema> struct BoxedCall;
template <class Op, class R, class... A> struct BoxedCall<Op, R(A...)> {
  static R call(A... args) {
    static const auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow(Op::name, Op::overload_name).template typed<R(A...)>();
    static const auto kernel = c10::BoxedKernel::makeFromFunction<&fallback>();
    return c10::impl::BoxedKernelWrapper<R(A...)>::call(kernel, op, c10::DispatchKeySet(), std::forward<A>(args)...);
  }
};
}  // namespace detail

/// From inside a compiled kernel: hands the call to `fallback` because its arguments are not compiled, e.g.
/// `return call_fallback<at::_ops::add_Tensor>(self, other, alpha);`
template <class Op, class... Args>
decltype(auto) call_fallback(Args&&... args) {
  return detail::BoxedCall<Op, typename Op::schema>::call(std::forward<Args>(args)...);
}
/// What an op of the fallback does: run, run and warn once per op, or raise. HOLOGRAM_FALLBACK=allow|warn|error sets the
/// initial mode.
enum class FallbackMode { Allow, Warn, Error };
FallbackMode fallback_mode();
void set_fallback_mode(FallbackMode mode);
const char* fallback_mode_name(FallbackMode mode);
/// Throws ValueError for any other name than "allow", "warn" and "error".
FallbackMode parse_fallback_mode(std::string_view name);

}  // namespace hologram::aten
