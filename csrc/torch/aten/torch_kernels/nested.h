// Nested tensors are several tensors of different sizes in one buffer. What describes them (sizes, strides, offsets) lies
// on the CPU, whatever the device: moving one between devices' views of the same memory means moving its buffer.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/FunctionRef.h>

namespace hologram::aten {

/// A tensor like the nested `t` on the buffer that `map` makes of its buffer.
at::Tensor map_nested(const at::Tensor& t, c10::function_ref<at::Tensor(const at::Tensor&)> map);

}  // namespace hologram::aten
