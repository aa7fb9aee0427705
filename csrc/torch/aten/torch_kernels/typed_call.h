// Ops that torch's own CPU kernels serve by choice, called with their types: nothing is boxed.
//
// TypedCall<Signature> makes aliases of the tensor arguments (native.h), calls the CPU kernel of the overload with them, and gives
// back what comes out as tensors of the device, allocated from its pool. Which overloads: csrc/tablegen/aten_library.py, whose
// generated tables name nothing but torch's classes for them (at::_ops::X). Overloads with one signature share the code.
#pragma once

#include <ATen/core/IListRef.h>
#include <ATen/core/IListRef_inl.h>
#include <ATen/core/List.h>

#include <array>
#include <atomic>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "torch/aten/torch_kernels/fallback.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/aten/torch_kernels/native_call.h"

namespace hologram::aten {

/// One overload.
struct TypedOp {
  const char* name;        // "aten::topk"
  const char* overload;    // "values"
  mutable std::atomic<const Plan*> plan{nullptr};   // found at the first call

  const Plan& facts() const {
    const Plan* found = plan.load(std::memory_order_acquire);
    if (__builtin_expect(!found, 0)) plan.store(found = &plan_of(name, overload), std::memory_order_release);
    return *found;
  }
};

namespace typed {

// ---- arguments ----

inline void look(NativeCall& call, const at::Tensor& t) { call.look(t); }
inline void look(NativeCall& call, const std::optional<at::Tensor>& t) { if (t) call.look(*t); }
inline void look(NativeCall& call, at::TensorList list) { for (const at::Tensor& t : list) call.look(t); }
inline void look(NativeCall& call, const at::ITensorListRef& list) { for (const at::Tensor& t : list) call.look(t); }
inline void look(NativeCall& call, const c10::List<std::optional<at::Tensor>>& list) {
  for (size_t i = 0; i < list.size(); ++i) look(call, list.get(i));
}
inline void look(NativeCall& call, std::optional<c10::Device> device) { if (device) call.look_at_device(*device); }
template <class T>
void look(NativeCall&, const T&) {}

/// An argument as the native kernel gets it. Anything that is no tensor goes through as it is.
template <class A>
struct Native {
  A given;
  Native(NativeCall&, A a, size_t) : given(std::forward<A>(a)) {}
  A get() { return std::forward<A>(given); }
  const std::remove_reference_t<A>& seen() const { return given; }
};

template <>
struct Native<const at::Tensor&> {
  at::Tensor tensor;
  Native(NativeCall& call, const at::Tensor& t, size_t i) : tensor(call.native(t, i)) {}
  const at::Tensor& get() { return tensor; }
};
template <>
struct Native<at::Tensor&> {
  at::Tensor tensor;
  Native(NativeCall& call, at::Tensor& t, size_t i) : tensor(call.native(t, i)) {}
  at::Tensor& get() { return tensor; }
};
template <>
struct Native<const std::optional<at::Tensor>&> {
  std::optional<at::Tensor> tensor;
  Native(NativeCall& call, const std::optional<at::Tensor>& t, size_t i) { if (t) tensor = call.native(*t, i); }
  const std::optional<at::Tensor>& get() { return tensor; }
};
template <>
struct Native<at::TensorList> {
  std::vector<at::Tensor> list;
  Native(NativeCall& call, at::TensorList given, size_t i) {
    list.reserve(given.size());
    for (const at::Tensor& t : given) list.push_back(call.native(t, i));
  }
  at::TensorList get() { return list; }
};
template <>
struct Native<const at::ITensorListRef&> {
  std::vector<at::Tensor> list;
  std::optional<at::ITensorListRef> ref;
  Native(NativeCall& call, const at::ITensorListRef& given, size_t i) {
    list.reserve(given.size());
    for (const at::Tensor& t : given) list.push_back(call.native(t, i));
  }
  const at::ITensorListRef& get() { return ref.emplace(list); }
};
template <>
struct Native<const c10::List<std::optional<at::Tensor>>&> {
  c10::List<std::optional<at::Tensor>> list;
  Native(NativeCall& call, const c10::List<std::optional<at::Tensor>>& given, size_t i) {
    list.reserve(given.size());
    for (size_t n = 0; n < given.size(); ++n) {
      const std::optional<at::Tensor> t = given.get(n);
      list.push_back(t ? std::optional<at::Tensor>(call.native(*t, i)) : std::nullopt);
    }
  }
  const c10::List<std::optional<at::Tensor>>& get() { return list; }
};
template <>
struct Native<std::optional<at::Generator>> {
  std::optional<at::Generator> generator;
  Native(NativeCall& call, const std::optional<at::Generator>& given, size_t) : generator(call.generator(given)) {}
  std::optional<at::Generator> get() { return generator; }
};
template <>
struct Native<std::optional<c10::Device>> {
  std::optional<c10::Device> device;
  Native(NativeCall& call, std::optional<c10::Device> given, size_t) {
    if (given) device = call.native_device(*given);
  }
  std::optional<c10::Device> get() { return device; }
};

// ---- results ----

inline at::Tensor result(const NativeCall& call, at::Tensor&& t) { return call.result(t); }
inline std::vector<at::Tensor> result(const NativeCall& call, std::vector<at::Tensor>&& list) {
  for (at::Tensor& t : list) t = call.result(t);
  return std::move(list);
}
template <class T>
T result(const NativeCall&, T&& value) { return std::forward<T>(value); }
template <class... T>
std::tuple<T...> result(const NativeCall& call, std::tuple<T...>&& values) {
  return std::apply([&](T&... each) { return std::tuple<T...>(result(call, std::move(each))...); }, values);
}

// ---- graphs ----

/// An argument as the kernel will get it, which takes it away.
template <class A>
void box(torch::jit::Stack& stack, Native<A>& argument) {
  if constexpr (requires { argument.seen(); }) torch::jit::push_one(stack, std::remove_cvref_t<A>(argument.seen()));
  else torch::jit::push_one(stack, argument.get());
}

inline void collect(std::vector<at::Tensor>& list, const at::Tensor& t) { list.push_back(t); }
inline void collect(std::vector<at::Tensor>& list, const std::vector<at::Tensor>& more) {
  list.insert(list.end(), more.begin(), more.end());
}
template <class... T>
void collect(std::vector<at::Tensor>& list, const std::tuple<T...>& values) {
  std::apply([&](const T&... each) { (collect(list, each), ...); }, values);
}
template <class T>
void collect(std::vector<at::Tensor>&, const T&) {}

// ---- overloads that return what they write ----

template <class T> struct Written : std::false_type {};
template <> struct Written<at::Tensor&> : std::true_type {};
template <class... T> struct Written<std::tuple<at::Tensor&, T...>> : std::true_type {};

/// The `Tensor&` among the arguments, in their order.
template <size_t N>
struct Outputs {
  std::array<at::Tensor*, N> tensors;
  size_t found = 0;
  void look(at::Tensor& t) { if (found < N) tensors[found++] = &t; }
  template <class T> void look(const T&) {}
};
template <class R> struct Return;
template <> struct Return<at::Tensor&> {
  static constexpr size_t kCount = 1;
  static at::Tensor& of(const Outputs<1>& outputs) { return *outputs.tensors[0]; }
};
template <class... T> struct Return<std::tuple<T...>> {
  static constexpr size_t kCount = sizeof...(T);
  static std::tuple<T...> of(const Outputs<kCount>& outputs) { return of(outputs, std::make_index_sequence<kCount>()); }
  template <size_t... I>
  static std::tuple<T...> of(const Outputs<kCount>& outputs, std::index_sequence<I...>) {
    return std::tuple<T...>(*outputs.tensors[I]...);
  }
};

/// The value of the argument that says whether an op without a Generator draws numbers.
inline double number(double d) { return d; }
template <class T> double number(const T&) { return 1.0; }

// ---- what compiled kernels leave to torch's by design ----

/// Complex numbers, and empty tensors.
inline bool for_torch(const at::Tensor& t) { return t.defined() && (t.is_complex() || t.numel() == 0); }
inline bool for_torch(const std::optional<at::Tensor>& t) { return t && for_torch(*t); }
inline bool for_torch(at::TensorList list) {
  for (const at::Tensor& t : list) if (for_torch(t)) return true;
  return false;
}
inline bool for_torch(const at::Scalar& s) { return s.isComplex(); }
inline bool for_torch(const std::optional<at::Scalar>& s) { return s && s->isComplex(); }
inline bool for_torch(const std::optional<c10::ScalarType>& t) { return t && c10::isComplexType(*t); }
template <class T>
bool for_torch(const T&) { return false; }

}  // namespace typed

template <class Signature>
struct TypedCall;

template <class R, class... A>
struct TypedCall<R(A...)> {
  const TypedOp* op;
  R (*target)(c10::DispatchKeySet, A...);

  R operator()(A... a) const {
    const Plan& plan = op->facts();
    NativeCall call(plan);
    (typed::look(call, a), ...);
    return on_native(call.resolve_device(), [&](c10::DeviceType native) -> R {
      call.use(native);
      return run(plan, call, std::index_sequence_for<A...>(), static_cast<A>(a)...);
    });
  }

 private:
  template <size_t... I>
  R run(const Plan& plan, NativeCall& call, std::index_sequence<I...>, A... a) const {
    const bool seeded =
        plan.seeded && (plan.dropout < 0 || ((I == static_cast<size_t>(plan.dropout) && typed::number(a) != 0) || ...));
    CapturedCall captured;
    std::tuple<typed::Native<A>...> native{typed::Native<A>(call, std::forward<A>(a), I)...};
    torch::jit::Stack boxed;     // what the kernel gets, for a graph
    if (capturing()) (typed::box(boxed, std::get<I>(native)), ...);
    const auto launch = [&]() -> R {
      const NativeScope scope(call, seeded);
      return target(call.key(), std::get<I>(native).get()...);
    };
    const auto finish = [&] {
      call.write_back();
      plan.stat->library.fetch_add(1, std::memory_order_relaxed);
    };
    if constexpr (std::is_void_v<R>) {
      launch();
      finish();
      if (capturing()) captured.add(plan, std::move(boxed), {});
    } else if constexpr (typed::Written<R>::value) {
      launch();
      finish();
      if (capturing()) captured.add(plan, std::move(boxed), {});
      typed::Outputs<typed::Return<R>::kCount> outputs;
      (outputs.look(a), ...);
      return typed::Return<R>::of(outputs);
    } else {
      R native_result = launch();
      finish();
      R results = typed::result(call, std::move(native_result));
      if (capturing()) {
        std::vector<at::Tensor> list;
        typed::collect(list, results);
        captured.add(plan, std::move(boxed), list);
      }
      return results;
    }
  }
};

/// From inside a kernel of the device whose general case is torch's: `return call_library<at::_ops::cat>(tensors, dim);`
template <class Op, class... Args>
decltype(auto) call_library(Args&&... args) {
  static const TypedOp op{Op::name, Op::overload_name};
  return TypedCall<typename Op::schema>{&op, &Op::redispatch}(std::forward<Args>(args)...);
}

/// From inside a compiled kernel, for arguments that it does not compute: complex numbers and empty tensors are the library's, all
/// else is the fallback's.
template <class Op, class... Args>
decltype(auto) call_native(Args&&... args) {
  if ((typed::for_torch(args) || ...)) return call_library<Op>(std::forward<Args>(args)...);
  return call_fallback<Op>(std::forward<Args>(args)...);
}

}  // namespace hologram::aten
