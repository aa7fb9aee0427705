// Calls to torch's own kernel with typed arguments: for dtypes and shapes that our rows do not cover, and for arguments
// that torch refuses with a message of its own.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>
#include <c10/util/OptionalArrayRef.h>

#include <array>
#include <optional>
#include <tuple>

#include "torch/aten/common.h"

namespace hologram::aten {

/// Runs `op` in torch's own kernel on the same memory (delegate.cpp).
void delegate(const c10::OperatorHandle& op, torch::jit::Stack* stack);

/// An aten overload: its name in the registry, and the handle once it is needed.
struct Overload {
  const char* name;       // "aten::sum"
  const char* overload;   // "IntList_out"
  c10::OperatorHandle handle() const { return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload); }
};

namespace detail {
template <class T>
c10::IValue box(const T& value) { return c10::IValue(value); }
inline c10::IValue box(c10::IntArrayRef value) { return c10::IValue(value.vec()); }
inline c10::IValue box(at::OptionalIntArrayRef value) { return value ? c10::IValue(value->vec()) : c10::IValue(); }
template <size_t N>
c10::IValue box(const std::array<bool, N>& value) {
  c10::List<bool> list;
  for (bool b : value) list.push_back(b);
  return list;
}
inline c10::IValue box(c10::ScalarType value) { return static_cast<int64_t>(value); }
inline c10::IValue box(const std::optional<c10::ScalarType>& value) {
  return value ? box(*value) : c10::IValue();
}
}  // namespace detail

/// Runs `overload` in torch's own kernel on the same memory; the results are the top of the returned stack.
template <class... Args>
torch::jit::Stack delegate_call(const Overload& overload, const Args&... args) {
  torch::jit::Stack stack;
  stack.reserve(sizeof...(args));
  (stack.push_back(detail::box(args)), ...);
  delegate(overload.handle(), &stack);
  return stack;
}

template <class... Args>
at::Tensor delegate_tensor(const Overload& overload, const Args&... args) {
  return std::move(delegate_call(overload, args...)[0]).toTensor();
}

template <class... Args>
std::tuple<at::Tensor, at::Tensor> delegate_pair(const Overload& overload, const Args&... args) {
  torch::jit::Stack stack = delegate_call(overload, args...);
  return {std::move(stack[0]).toTensor(), std::move(stack[1]).toTensor()};
}

template <class... Args>
std::tuple<at::Tensor, at::Tensor, at::Tensor> delegate_triple(const Overload& overload, const Args&... args) {
  torch::jit::Stack stack = delegate_call(overload, args...);
  return {std::move(stack[0]).toTensor(), std::move(stack[1]).toTensor(), std::move(stack[2]).toTensor()};
}

}  // namespace hologram::aten
