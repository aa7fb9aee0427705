// Batch normalisation in parts, between which nn.SyncBatchNorm exchanges sums with other processes. torch's CPU has no kernels of
// them; each is a few recorded ops that join into few kernels.
//
// The statistics are per channel (dimension 1), in float32 where the input is narrower. Formulas: Ioffe and Szegedy 2015, and for
// statistics of several parts Chan, Golub and LeVeque 1979.
#include <ATen/core/Tensor.h>
#include <ATen/ops/batch_norm_backward_elemt_ops.h>
#include <ATen/ops/batch_norm_backward_reduce_ops.h>
#include <ATen/ops/batch_norm_elemt_ops.h>
#include <ATen/ops/batch_norm_gather_stats_ops.h>
#include <ATen/ops/batch_norm_gather_stats_with_counts_ops.h>
#include <ATen/ops/batch_norm_stats_ops.h>
#include <ATen/ops/full.h>
#include <ATen/ops/var_mean.h>
#include <torch/library.h>

#include <tuple>
#include <vector>

#include "torch/aten/core/registration.h"

namespace hologram::aten {
namespace {

using at::Tensor;
using MaybeTensor = std::optional<Tensor>;

void check_input(const char* op, const Tensor& input) {
  TORCH_CHECK(input.dim() >= 2, "hologram.", op, ": expected an input of at least 2 dimensions [batch, channels, ...], got ",
              input.sizes(), ".");
  TORCH_CHECK(input.is_floating_point(), "hologram.", op, ": expected floating point numbers, got ", input.scalar_type(), ".");
}

at::ScalarType statistics_type(const Tensor& input) {
  return input.scalar_type() == at::kHalf || input.scalar_type() == at::kBFloat16 ? at::kFloat : input.scalar_type();
}

std::vector<int64_t> all_but_channels(const Tensor& input) {
  std::vector<int64_t> dims{0};
  for (int64_t d = 2; d < input.dim(); ++d) dims.push_back(d);
  return dims;
}

/// One number per channel, as it meets the input's elements.
Tensor per_channel(const Tensor& t, const Tensor& input) {
  std::vector<int64_t> shape(static_cast<size_t>(input.dim()), 1);
  shape[1] = input.size(1);
  return t.reshape(shape);
}

std::tuple<Tensor, Tensor> stats(const Tensor& input, double eps) {
  check_input("batch_norm_stats", input);
  const auto [variance, mean] =
      at::var_mean(input.to(statistics_type(input)), all_but_channels(input), /*correction=*/at::Scalar(0));
  return {mean, variance.add(eps).rsqrt()};
}

Tensor elemt(const Tensor& input, const MaybeTensor& weight, const MaybeTensor& bias, const Tensor& mean, const Tensor& invstd,
             double) {
  check_input("batch_norm_elemt", input);
  Tensor y = input.sub(per_channel(mean, input)).mul(per_channel(invstd, input));
  if (weight && weight->defined()) y = y.mul(per_channel(*weight, input));
  if (bias && bias->defined()) y = y.add(per_channel(*bias, input));
  return y.to(input.scalar_type());
}

/// `mean`, `invstd`: a row per part. `counts`: the number of elements of each part.
std::tuple<Tensor, Tensor> gather_stats_with_counts(const Tensor& input, const Tensor& mean, const Tensor& invstd,
                                                    const MaybeTensor& running_mean, const MaybeTensor& running_var,
                                                    double momentum, double eps, const Tensor& counts) {
  const Tensor n = counts.to(mean.scalar_type()).reshape({-1, 1}), total = n.sum();
  const Tensor joint_mean = mean.mul(n).sum(0).div(total);
  const Tensor variances = invstd.square().reciprocal().sub(eps), apart = mean.sub(joint_mean).square();
  const Tensor squares = variances.add(apart).mul(n).sum(0);
  if (running_mean && running_mean->defined())
    running_mean->mul_(1 - momentum).add_(joint_mean.to(running_mean->scalar_type()), momentum);
  if (running_var && running_var->defined())
    running_var->mul_(1 - momentum).add_(squares.div(total.sub(1)).to(running_var->scalar_type()), momentum);
  return {joint_mean, squares.div(total).add(eps).rsqrt()};
}

std::tuple<Tensor, Tensor> gather_stats(const Tensor& input, const Tensor& mean, const Tensor& invstd,
                                        const MaybeTensor& running_mean, const MaybeTensor& running_var, double momentum,
                                        double eps, int64_t count) {
  const Tensor counts = at::full({mean.size(0)}, count, mean.options());
  return gather_stats_with_counts(input, mean, invstd, running_mean, running_var, momentum, eps, counts);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward_reduce(const Tensor& grad_out, const Tensor& input, const Tensor& mean,
                                                           const Tensor& invstd, const MaybeTensor& weight, bool input_g,
                                                           bool weight_g, bool bias_g) {
  check_input("batch_norm_backward_reduce", input);
  const auto dims = all_but_channels(input);
  const auto type = statistics_type(input);
  const auto like_weight = [&](const Tensor& t) { return weight && weight->defined() ? t.to(weight->scalar_type()) : t; };
  const Tensor dy = grad_out.to(type), sum_dy = dy.sum(dims);
  const Tensor sum_dy_xmu = dy.mul(input.to(type).sub(per_channel(mean, input))).sum(dims);
  return {input_g ? sum_dy : Tensor(), input_g ? sum_dy_xmu : Tensor(), weight_g ? like_weight(sum_dy_xmu.mul(invstd)) : Tensor(),
          bias_g ? like_weight(sum_dy) : Tensor()};
}

Tensor backward_elemt(const Tensor& grad_out, const Tensor& input, const Tensor& mean, const Tensor& invstd,
                      const MaybeTensor& weight, const Tensor& sum_dy, const Tensor& sum_dy_xmu, const Tensor& count) {
  check_input("batch_norm_backward_elemt", input);
  const auto type = statistics_type(input);
  const Tensor n = count.sum().to(type);
  const Tensor x = input.to(type).sub(per_channel(mean, input));
  const Tensor slope = per_channel(invstd.square().mul(sum_dy_xmu).div(n), input);
  Tensor scale = invstd;
  if (weight && weight->defined()) scale = scale.mul(*weight);
  return grad_out.to(type)
      .sub(per_channel(sum_dy.div(n), input))
      .sub(x.mul(slope))
      .mul(per_channel(scale, input))
      .to(input.scalar_type());
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::batch_norm_stats, &stats>(m);
  register_kernel<at::_ops::batch_norm_elemt, &elemt>(m);
  register_kernel<at::_ops::batch_norm_gather_stats, &gather_stats>(m);
  register_kernel<at::_ops::batch_norm_gather_stats_with_counts, &gather_stats_with_counts>(m);
  register_kernel<at::_ops::batch_norm_backward_reduce, &backward_reduce>(m);
  register_kernel<at::_ops::batch_norm_backward_elemt, &backward_elemt>(m);
}

}  // namespace hologram::aten
