// Ops whose kernels in torch's CPU library read or write wherever a tensor of positions says, without a look: gradients of maximum
// pooling and of embedding bags, segment_reduce, conversions of sparse indices. Here the positions are checked first.
#include <ATen/core/Tensor.h>
#include <ATen/core/op_registration/adaption.h>
#include <ATen/ops/_convert_indices_from_coo_to_csr_ops.h>
#include <ATen/ops/_convert_indices_from_csr_to_coo_ops.h>
#include <ATen/ops/_embedding_bag_dense_backward_ops.h>
#include <ATen/ops/_embedding_bag_forward_only_ops.h>
#include <ATen/ops/_embedding_bag_ops.h>
#include <ATen/ops/_embedding_bag_per_sample_weights_backward_ops.h>
#include <ATen/ops/_segment_reduce_backward_ops.h>
#include <ATen/ops/adaptive_max_pool2d_backward_ops.h>
#include <ATen/ops/adaptive_max_pool3d_backward_ops.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/diff.h>
#include <ATen/ops/embedding_dense_backward_ops.h>
#include <ATen/ops/item.h>
#include <ATen/ops/max_pool3d_with_indices_backward_ops.h>
#include <ATen/ops/segment_reduce_ops.h>

#include <limits>

#include "torch/aten/core/index_bounds.h"
#include "torch/aten/core/index_checks.h"
#include "torch/aten/core/registration.h"

namespace hologram::aten {

void check_positions(const char* op, const char* name, const at::Tensor& positions, int64_t size, std::optional<int64_t> ignored) {
  if (!positions.defined() || positions.numel() == 0 || positions.layout() != at::kStrided) return;
  const at::ScalarType type = positions.scalar_type();
  if (type != at::kLong && type != at::kInt && type != at::kByte) return;   // the kernel says so
  const at::Tensor dense = positions.contiguous();
  if (known_in_bounds(dense, size, ignored)) return;
  const auto [least, largest] = at::aminmax(dense);
  const auto low = least.item<int64_t>(), high = largest.item<int64_t>();
  TORCH_CHECK_INDEX((low >= 0 || (ignored && low == *ignored)) && high < size, "hologram.", op, ": ", name, " has elements from ", low, " to ", high,
                    ", which must be from 0 to ", size - 1, ". Pass what the forward op returned, or positions that exist.");
}

namespace {

using at::IntArrayRef;
using at::Tensor;
using c10::SymInt;
using MaybeScalar = std::optional<at::Scalar>;

/// Elements of a plane of the last `dims` dimensions.
int64_t plane(const Tensor& t, int64_t dims) {
  int64_t count = t.dim() < dims ? 0 : 1;
  for (int64_t d = 1; d <= dims && count; ++d) count *= t.size(-d);
  return count;
}

// ---- gradients of maximum pooling ----

template <class AtenOp, int64_t dims>
Tensor adaptive_backward(const Tensor& grad, const Tensor& self, const Tensor& indices) {
  check_positions(overload_name<AtenOp>(), "indices", indices, plane(self, dims));
  return call_library<AtenOp>(grad, self, indices);
}
template <class AtenOp, int64_t dims>
Tensor& adaptive_backward_out(const Tensor& grad, const Tensor& self, const Tensor& indices, Tensor& grad_input) {
  check_positions(overload_name<AtenOp>(), "indices", indices, plane(self, dims));
  return call_library<AtenOp>(grad, self, indices, grad_input);
}

Tensor max_pool3d_backward(const Tensor& grad, const Tensor& self, IntArrayRef kernel, IntArrayRef stride, IntArrayRef padding,
                           IntArrayRef dilation, bool ceil_mode, const Tensor& indices) {
  using AtenOp = at::_ops::max_pool3d_with_indices_backward;
  check_positions(overload_name<AtenOp>(), "indices", indices, plane(self, 3), -1);
  return call_library<AtenOp>(grad, self, kernel, stride, padding, dilation, ceil_mode, indices);
}
Tensor& max_pool3d_backward_out(const Tensor& grad, const Tensor& self, IntArrayRef kernel, IntArrayRef stride, IntArrayRef padding,
                                IntArrayRef dilation, bool ceil_mode, const Tensor& indices, Tensor& grad_input) {
  using AtenOp = at::_ops::max_pool3d_with_indices_backward_grad_input;
  check_positions(overload_name<AtenOp>(), "indices", indices, plane(self, 3), -1);
  return call_library<AtenOp>(grad, self, kernel, stride, padding, dilation, ceil_mode, indices, grad_input);
}

// ---- embedding ----

Tensor embedding_dense_backward(const Tensor& grad, const Tensor& indices, SymInt num_weights, SymInt padding_idx, bool by_freq) {
  using AtenOp = at::_ops::embedding_dense_backward;
  if (by_freq) check_positions(overload_name<AtenOp>(), "indices", indices, num_weights.expect_int());
  return call_library<AtenOp>(grad, indices, num_weights, padding_idx, by_freq);
}

using Bags = std::tuple<Tensor, Tensor, Tensor, Tensor>;

/// torch looks at the first and the last offset.
template <class AtenOp>
Bags embedding_bag(const Tensor& weight, const Tensor& indices, const Tensor& offsets, bool by_freq, int64_t mode, bool sparse,
                   const MaybeTensor& weights, bool last, int64_t padding_idx) {
  if (offsets.defined() && offsets.dim() == 1 && offsets.numel() > 1)
    check_positions(overload_name<AtenOp>(), "offsets", offsets.narrow(0, 1, offsets.numel() - 1), std::numeric_limits<int64_t>::max());
  return call_library<AtenOp>(weight, indices, offsets, by_freq, mode, sparse, weights, last, padding_idx);
}

Tensor bag_dense_backward(const Tensor& grad, const Tensor& indices, const Tensor& bags, const Tensor& bag_size, const Tensor& largest,
                          SymInt num_weights, bool by_freq, int64_t mode, const MaybeTensor& weights, int64_t padding_idx) {
  using AtenOp = at::_ops::_embedding_bag_dense_backward;
  const char* const op = overload_name<AtenOp>();
  check_positions(op, "indices", indices, num_weights.expect_int());
  const int64_t rows = grad.dim() ? grad.size(0) : 0;
  check_positions(op, "offset2bag", bags, rows);
  TORCH_CHECK(bags.numel() == 0 || mode == 2 || (bags.numel() == indices.numel() && bag_size.numel() >= rows), "hologram.", op, ": offset2bag has ",
              bags.numel(), " elements for ", indices.numel(), " indices, and bag_size ", bag_size.numel(), " for ", rows,
              " bags. Pass what the forward op returned.");
  return call_library<AtenOp>(grad, indices, bags, bag_size, largest, num_weights, by_freq, mode, weights, padding_idx);
}

Tensor bag_weights_backward(const Tensor& grad, const Tensor& weight, const Tensor& indices, const Tensor& offsets, const Tensor& bags,
                            int64_t mode, int64_t padding_idx) {
  using AtenOp = at::_ops::_embedding_bag_per_sample_weights_backward;
  const char* const op = overload_name<AtenOp>();
  check_positions(op, "indices", indices, weight.dim() ? weight.size(0) : 0);
  check_positions(op, "offset2bag", bags, grad.dim() ? grad.size(0) : 0);
  TORCH_CHECK(bags.numel() == 0 || bags.numel() == indices.numel(), "hologram.", op, ": offset2bag has ", bags.numel(), " elements for ",
              indices.numel(), " indices. Pass what the forward op returned.");
  return call_library<AtenOp>(grad, weight, indices, offsets, bags, mode, padding_idx);
}

// ---- segments ----

/// Segments may not reach beyond `data` along `axis`, nor end before they begin.
void check_segments(const char* op, const Tensor& data, const MaybeTensor& lengths, const MaybeTensor& offsets, int64_t axis) {
  if (axis < 0 || axis >= data.dim()) return;   // torch says so
  const int64_t size = data.size(axis);
  if (offsets && offsets->defined() && offsets->numel()) {
    check_positions(op, "offsets", *offsets, size + 1);
    if (offsets->dim() && offsets->size(-1) > 1) check_positions(op, "a difference of offsets", offsets->diff(), size + 1);
  }
  if (lengths && lengths->defined() && lengths->numel()) {
    check_positions(op, "lengths", *lengths, size + 1);
    if (c10::isIntegralType(lengths->scalar_type(), false)) check_positions(op, "a sum of lengths", lengths->sum(-1), size + 1);
  }
}

Tensor segment_reduce(const Tensor& data, c10::string_view reduce, const MaybeTensor& lengths, const MaybeTensor& indices,
                      const MaybeTensor& offsets, int64_t axis, bool unsafe, const MaybeScalar& initial) {
  using AtenOp = at::_ops::segment_reduce;
  check_segments(overload_name<AtenOp>(), data, unsafe ? lengths : std::nullopt, offsets, axis);
  return call_library<AtenOp>(data, reduce, lengths, indices, offsets, axis, unsafe, initial);
}

Tensor segment_reduce_backward(const Tensor& grad, const Tensor& output, const Tensor& data, c10::string_view reduce,
                               const MaybeTensor& lengths, const MaybeTensor& offsets, int64_t axis, const MaybeScalar& initial) {
  using AtenOp = at::_ops::_segment_reduce_backward;
  const char* const op = overload_name<AtenOp>();
  check_segments(op, data, lengths, offsets, axis);
  TORCH_CHECK(grad.sizes() == output.sizes() && output.dim() == data.dim(), "hologram.", op, ": grad of shape ", grad.sizes(),
              ", output of shape ", output.sizes(), " and data of shape ", data.sizes(), " do not fit. Pass what the forward op took and returned.");
  for (int64_t d = 0; d < data.dim(); ++d)
    TORCH_CHECK(d == axis || output.size(d) == data.size(d), "hologram.", op, ": output of shape ", output.sizes(), " and data of shape ", data.sizes(),
                " differ along dimension ", d, ". Pass what the forward op took and returned.");
  const bool by_length = lengths && lengths->defined();
  const Tensor& cuts = by_length ? *lengths : offsets && offsets->defined() ? *offsets : output;
  if (axis >= 0 && axis < data.dim() && !cuts.is_same(output))
    TORCH_CHECK(cuts.dim() == axis + 1 && output.size(axis) == cuts.size(-1) - (by_length ? 0 : 1), "hologram.", op, ": output of shape ",
                output.sizes(), " has not the segments of ", by_length ? "lengths" : "offsets", " of shape ", cuts.sizes(),
                ". Pass what the forward op took and returned.");
  return call_library<AtenOp>(grad, output, data, reduce, lengths, offsets, axis, initial);
}

// ---- sparse indices ----

template <class AtenOp>
void check_compressed(const Tensor& compressed, const Tensor& plain) {
  const char* const op = overload_name<AtenOp>();
  TORCH_CHECK(compressed.dim() >= 1 && compressed.dim() == plain.dim() && compressed.size(-1) >= 1 &&
                  compressed.sizes().slice(0, static_cast<size_t>(plain.dim() - 1)) == plain.sizes().slice(0, static_cast<size_t>(plain.dim() - 1)),
              "hologram.", op, ": compressed indices of shape ", compressed.sizes(), " do not go with plain indices of shape ", plain.sizes(), ".");
  const int64_t count = plain.size(-1);
  check_positions(op, "crow_indices", compressed, count + 1);
  if (compressed.size(-1) > 1) check_positions(op, "a difference of crow_indices", compressed.diff(), count + 1);
}

Tensor csr_to_coo(const Tensor& compressed, const Tensor& plain, bool out_int32, bool transpose) {
  using AtenOp = at::_ops::_convert_indices_from_csr_to_coo;
  check_compressed<AtenOp>(compressed, plain);
  return call_library<AtenOp>(compressed, plain, out_int32, transpose);
}
Tensor& csr_to_coo_out(const Tensor& compressed, const Tensor& plain, bool out_int32, bool transpose, Tensor& out) {
  using AtenOp = at::_ops::_convert_indices_from_csr_to_coo_out;
  check_compressed<AtenOp>(compressed, plain);
  return call_library<AtenOp>(compressed, plain, out_int32, transpose, out);
}

Tensor coo_to_csr(const Tensor& self, int64_t size, bool out_int32) {
  using AtenOp = at::_ops::_convert_indices_from_coo_to_csr;
  check_positions(overload_name<AtenOp>(), "indices", self, size);
  return call_library<AtenOp>(self, size, out_int32);
}
Tensor& coo_to_csr_out(const Tensor& self, int64_t size, bool out_int32, Tensor& out) {
  using AtenOp = at::_ops::_convert_indices_from_coo_to_csr_out;
  check_positions(overload_name<AtenOp>(), "indices", self, size);
  return call_library<AtenOp>(self, size, out_int32, out);
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace at::_ops;
  register_kernel<adaptive_max_pool2d_backward, &adaptive_backward<adaptive_max_pool2d_backward, 2>>(m);
  register_kernel<adaptive_max_pool2d_backward_grad_input, &adaptive_backward_out<adaptive_max_pool2d_backward_grad_input, 2>>(m);
  register_kernel<adaptive_max_pool3d_backward, &adaptive_backward<adaptive_max_pool3d_backward, 3>>(m);
  register_kernel<adaptive_max_pool3d_backward_grad_input, &adaptive_backward_out<adaptive_max_pool3d_backward_grad_input, 3>>(m);
  register_kernel<max_pool3d_with_indices_backward, &max_pool3d_backward>(m);
  register_kernel<max_pool3d_with_indices_backward_grad_input, &max_pool3d_backward_out>(m);
  register_kernel<at::_ops::embedding_dense_backward, &hologram::aten::embedding_dense_backward>(m);
  register_kernel<_embedding_bag, &embedding_bag<_embedding_bag>>(m);
  register_kernel<_embedding_bag_forward_only, &embedding_bag<_embedding_bag_forward_only>>(m);
  register_kernel<_embedding_bag_dense_backward, &bag_dense_backward>(m);
  register_kernel<_embedding_bag_per_sample_weights_backward, &bag_weights_backward>(m);
  register_kernel<at::_ops::segment_reduce, &hologram::aten::segment_reduce>(m);
  register_kernel<_segment_reduce_backward, &segment_reduce_backward>(m);
  register_kernel<_convert_indices_from_csr_to_coo, &csr_to_coo>(m);
  register_kernel<_convert_indices_from_csr_to_coo_out, &csr_to_coo_out>(m);
  register_kernel<_convert_indices_from_coo_to_csr, &coo_to_csr>(m);
  register_kernel<_convert_indices_from_coo_to_csr_out, &coo_to_csr_out>(m);
}

}  // namespace
}  // namespace hologram::aten
