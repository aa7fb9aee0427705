// The rules of torch's structured ops (shape, dtype, error messages) applied to tensors of this device.
//
// Every structured op has a class at::meta::structured_X, exported by torch, whose `meta` checks the arguments and
// declares each output through set_output_*. Structured<at::meta::structured_X> is such a class with outputs of ours: a
// functional call gets new tensors from the pool, an out= call has the caller's tensors checked and resized.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/native/Resize.h>
#include <ATen/TensorMeta.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/DimVector.h>
#include <c10/util/Exception.h>

#include "torch/aten/core/common.h"
#include "torch/torch_version.h"

namespace hologram::aten {

/// Checks and resizes the out= tensor `out` as torch does for a structured op. Strides are taken over only after a
/// resize: a kernel must store into whatever strides `out` has.
void resize_out(const at::Tensor& out, c10::IntArrayRef sizes, c10::IntArrayRef strides, const c10::TensorOptions& options);

/// torch's rules on what an out= tensor may share with itself and with an input.
void check_overlap(const at::Tensor& out, const at::Tensor& in);

template <class Meta>
class Structured final : public Meta {
 public:
  static constexpr int kMaxOutputs = 2;

  Structured() = default;
  explicit Structured(const at::Tensor& out, SchemaKind kind = SchemaKind::Out) : kind_(kind) { outputs_[0] = out; }
  Structured(const at::Tensor& out0, const at::Tensor& out1) : kind_(SchemaKind::Out) {
    outputs_[0] = out0;
    outputs_[1] = out1;
  }

  const at::Tensor& operator[](int i) const { return outputs_[i]; }
  at::Tensor take(int i = 0) { return std::move(outputs_[i]); }

  const at::Tensor& maybe_get_output(int64_t i) override { return outputs_[i]; }

  /// torch's rules on what the caller's out= tensors may share with `in`; new tensors share nothing.
  void check_overlap(const at::Tensor& in) const {
    if (kind_ == SchemaKind::Functional) return;
    for (const at::Tensor& out : outputs_)
      if (out.defined()) aten::check_overlap(out, in);
  }

#if !HOLOGRAM_TORCH_AT_LEAST(2, 13)
  void set_output_strided(int64_t i, c10::IntArrayRef sizes, c10::IntArrayRef strides, c10::TensorOptions options,
                          at::DimnameList = {}) override { set(i, sizes, strides, options); }
  void set_output_raw_strided(int64_t i, c10::IntArrayRef sizes, c10::IntArrayRef strides, c10::TensorOptions options,
                              at::DimnameList = {}) override { set(i, sizes, strides, options); }
#else
  void set_output_strided(int64_t i, c10::IntArrayRef sizes, c10::IntArrayRef strides,
                          c10::TensorOptions options) override { set(i, sizes, strides, options); }
  void set_output_raw_strided(int64_t i, c10::IntArrayRef sizes, c10::IntArrayRef strides,
                              c10::TensorOptions options) override { set(i, sizes, strides, options); }
#endif

 private:
  void set(int64_t i, c10::IntArrayRef sizes, c10::IntArrayRef strides, const c10::TensorOptions& options) {
    c10::DimVector channels_last;
    if (strides.empty() && options.memory_format_opt() == c10::MemoryFormat::ChannelsLast) {
      channels_last = c10::DimVector(c10::get_channels_last_strides_2d(sizes));
      strides = channels_last;
    }
    const c10::ScalarType dtype = c10::typeMetaToScalarType(options.dtype());
    if (kind_ == SchemaKind::Functional) {
      outputs_[i] = strides.empty() ? empty(sizes, dtype, options.device())
                                    : empty_strided(sizes, strides, dtype, options.device());
      return;
    }
    const at::Tensor& out = outputs_[i];
    if (kind_ == SchemaKind::InPlace) {
      TORCH_CHECK(dtype == out.scalar_type(), "Bad in-place call: input tensor dtype ", out.dtype(),
                  " and output tensor dtype ", options.dtype(), " should match");
      TORCH_CHECK(sizes == out.sizes(), "Bad in-place call: input tensor size ", out.sizes(), " and output tensor size ",
                  sizes, " should match");
      return;
    }
    resize_out(out, sizes, strides, options);
  }

  SchemaKind kind_ = SchemaKind::Functional;
  at::Tensor outputs_[kMaxOutputs];
};

}  // namespace hologram::aten
