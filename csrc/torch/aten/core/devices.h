// The tensors of a call lie on one device.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/op_registration/adaption.h>

#include <initializer_list>
#include <optional>

namespace hologram::aten {

struct NamedTensor {
  const char* name;      // of the op's argument
  const at::Tensor& tensor;
};

/// Throws what torch throws where defined tensors lie on several.
inline void check_same_device(const char* op, std::initializer_list<NamedTensor> arguments) {
  std::optional<c10::Device> device;
  for (const NamedTensor& argument : arguments)
    c10::impl::check_and_update_common_device(device, argument.tensor, op, argument.name);
}

}  // namespace hologram::aten
