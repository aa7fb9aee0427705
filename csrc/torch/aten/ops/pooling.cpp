// Maximum pooling over windows that lie inside the plane: an elementwise circuit over strided views, one view of the input
// per place in the window. Where windows do not overlap the gradient is a circuit of the same kind, with one view of the
// result per place. Padding, and gradients of windows that overlap, are torch's.
#include <ATen/ops/max_pool2d_with_indices_backward_meta.h>
#include <ATen/ops/max_pool2d_with_indices_backward_ops.h>
#include <ATen/ops/max_pool2d_with_indices_meta.h>
#include <ATen/ops/max_pool2d_with_indices_ops.h>

#include "torch/aten/core/index_checks.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/row_space.h"
#include "torch/aten/core/structured.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::IntArrayRef;
using at::Tensor;

constexpr int kMaxPlaces = 16;   // of a window: each is an operand, a node and a scalar

/// The arguments that say where windows lie; torch's meta function has checked them.
struct Windows {
  int64_t kernel[2], stride[2], dilation[2];
  bool padded;

  Windows(IntArrayRef kernel_size, IntArrayRef strides, IntArrayRef padding, IntArrayRef dilations) : padded(false) {
    for (size_t d = 0; d < 2; ++d) {
      const auto of = [d](IntArrayRef given) { return given[given.size() == 1 ? 0 : d]; };
      kernel[d] = of(kernel_size);
      stride[d] = strides.empty() ? kernel[d] : of(strides);
      dilation[d] = of(dilations);
      padded |= of(padding) != 0;
    }
  }

  int64_t places() const { return kernel[0] * kernel[1]; }
  bool overlap() const { return stride[0] < kernel[0] || stride[1] < kernel[1]; }
  int64_t span(int d) const { return (kernel[d] - 1) * dilation[d] + 1; }
  /// Do windows numbered up to `count` lie inside `size` elements? (ceil_mode lets them reach out.)
  bool inside(int d, int64_t count, int64_t size) const { return (count - 1) * stride[d] + span(d) <= size; }
  bool covers(int d, int64_t count, int64_t size) const {
    return stride[d] == kernel[d] && dilation[d] == 1 && count * kernel[d] == size;
  }
};

/// Can windows, `windows` of them, be expressed as views of `plane`?
bool viewable(const Windows& w, const Tensor& plane, IntArrayRef windows) {
  const int64_t rank = plane.dim();
  return !w.padded && w.places() > 1 && w.places() <= kMaxPlaces && c10::multiply_integers(windows) > 0 &&
         w.inside(0, windows[rank - 2], plane.size(-2)) && w.inside(1, windows[rank - 1], plane.size(-1));
}

/// The circuit over all windows.
class Pooling {
 public:
  Pooling(const Windows& windows, const Tensor& plane, IntArrayRef sizes) : w_(windows), plane_(plane) {
    set_sizes(circuit, sizes);
    origin_ = empty(sizes.slice(sizes.size() - 2), at::kLong, plane.device());
    Circuit numbers;
    set_sizes(numbers, origin_.sizes());
    const Ref args[] = {numbers.add_scalar(sizes[sizes.size() - 1]), numbers.add_scalar(w_.stride[0] * plane.size(-1)),
                        numbers.add_scalar(w_.stride[1])};
    add_output(numbers, origin_, numbers.add_node(Op::pool_origin, DType::I64, DType::I64, args, 3));
    submit(numbers, plane);
    origin = add_input(circuit, origin_);
  }

  /// Calls visit(view, offset) for every place of the window: the elements of the plane there, and how many places of the
  /// plane lie between it and the window's origin.
  template <class Visit>
  void each_place(Visit visit) {
    for (int64_t i = 0; i < w_.kernel[0]; ++i)
      for (int64_t j = 0; j < w_.kernel[1]; ++j) {
        const int64_t row = i * w_.dilation[0], column = j * w_.dilation[1];
        visit(row * plane_.stride(-2) + column * plane_.stride(-1), row * plane_.size(-1) + column);
      }
  }

  /// Adds the view of the plane that starts `first` elements behind its begin.
  Ref view(int64_t first, bool output, Ref source) {
    char* const data = (output ? output_data(plane_) : input_data(plane_)) + first * static_cast<int64_t>(plane_.element_size());
    const DType dtype = dtype_of(plane_);
    const Ref ref = output ? circuit.add_output(block_of(plane_), data, dtype, source)
                           : circuit.add_operand(block_of(plane_), data, dtype);
    int64_t* strides = circuit.strides(ref);
    for (int d = 0; d < circuit.rank; ++d) {
      const int plane_dim = d - (circuit.rank - 2);
      strides[d] = plane_.stride(d) * static_cast<int64_t>(plane_.element_size()) * (plane_dim < 0 ? 1 : w_.stride[plane_dim]);
    }
    return ref;
  }

  Circuit circuit;
  Ref origin;

 private:
  const Windows& w_;
  const Tensor& plane_;
  Tensor origin_;
};

// ---- max_pool2d_with_indices ----

using Meta = at::meta::structured_max_pool2d_with_indices;

/// torch's kernel refuses integers too narrow for the numbers of a plane's elements.
bool pools(c10::ScalarType t) { return is_row_float(t) || t == at::kLong; }

/// False: not of the kind that is compiled.
bool forward(const Tensor& self, const Windows& w, const Tensor& out, const Tensor& indices) {
  if (!pools(self.scalar_type()) || self.dim() >= kMaxRank ||
      out.scalar_type() != self.scalar_type() || !viewable(w, self, out.sizes()))
    return false;
  Pooling pool(w, self, out.sizes());
  Circuit& c = pool.circuit;
  const DType dtype = dtype_of(self), compute = compute_type(dtype);
  Ref best = kNoRef, place = kNoRef;
  pool.each_place([&](int64_t first, int64_t offset) {
    const Ref x = pool.view(first, false, kNoRef), here = c.add_scalar(offset);
    if (best == kNoRef) {
      best = x;
      place = here;
    } else {
      best = c.add_node(Op::pool_max, compute, dtype, {best, place, x, here});
      place = static_cast<Ref>(best + 1);
    }
  });
  add_output(c, out, best);
  add_output(c, indices, c.add_node(Op::add, DType::I64, DType::I64, {place, pool.origin}));
  submit(c, self);
  return true;
}

std::tuple<Tensor, Tensor> max_pool2d(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding,
                                      IntArrayRef dilation, bool ceil_mode) {
  using AtenOp = at::_ops::max_pool2d_with_indices;
  {
    Structured<Meta> result;
    result.meta(self, kernel_size, stride, padding, dilation, ceil_mode);
    if (forward(self, Windows(kernel_size, stride, padding, dilation), result[0], result[1])) {
      count_compiled<AtenOp>();
      return {result.take(0), result.take(1)};
    }
  }
  return call_library<AtenOp>(self, kernel_size, stride, padding, dilation, ceil_mode);
}

std::tuple<Tensor&, Tensor&> max_pool2d_out(const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride, IntArrayRef padding,
                                            IntArrayRef dilation, bool ceil_mode, Tensor& out, Tensor& indices) {
  using AtenOp = at::_ops::max_pool2d_with_indices_out;
  Structured<Meta> result(out, indices);
  result.meta(self, kernel_size, stride, padding, dilation, ceil_mode);
  result.check_overlap(self);
  if (!forward(self, Windows(kernel_size, stride, padding, dilation), out, indices))
    return call_library<AtenOp>(self, kernel_size, stride, padding, dilation, ceil_mode, out, indices);
  count_compiled<AtenOp>();
  return std::tuple<Tensor&, Tensor&>(out, indices);
}

// ---- max_pool2d_with_indices_backward ----

using BackwardMeta = at::meta::structured_max_pool2d_with_indices_backward;

/// False: not of the kind that is compiled.
bool backward(const Tensor& grad, const Tensor& self, const Windows& w, const Tensor& indices, const Tensor& grad_input) {
  if (!is_row_float(self.scalar_type()) || grad.scalar_type() != self.scalar_type() || self.dim() >= kMaxRank ||
      indices.scalar_type() != at::kLong || indices.sizes() != grad.sizes() || grad_input.sizes() != self.sizes() ||
      w.overlap() || w.dilation[0] != 1 || w.dilation[1] != 1 || !viewable(w, grad_input, grad.sizes()))
    return false;
  if (!w.covers(0, grad.size(-2), self.size(-2)) || !w.covers(1, grad.size(-1), self.size(-1))) grad_input.zero_();
  Pooling pool(w, grad_input, grad.sizes());
  Circuit& c = pool.circuit;
  const DType dtype = dtype_of(grad), compute = compute_type(dtype);
  const Ref g = add_input(c, grad), place = add_input(c, indices);
  pool.each_place([&](int64_t first, int64_t offset) {
    const Ref flow = c.add_node(Op::pool_max_backward, compute, dtype, {g, place, pool.origin, c.add_scalar(offset)});
    pool.view(first, true, flow);
  });
  submit(c, grad);
  return true;
}

Tensor max_pool2d_backward(const Tensor& grad, const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                           IntArrayRef padding, IntArrayRef dilation, bool ceil_mode, const Tensor& indices) {
  using AtenOp = at::_ops::max_pool2d_with_indices_backward;
  {
    Structured<BackwardMeta> result;
    result.meta(grad, self, kernel_size, stride, padding, dilation, ceil_mode, indices);
    if (backward(grad, self, Windows(kernel_size, stride, padding, dilation), indices, result[0])) {
      count_compiled<AtenOp>();
      return result.take();
    }
  }
  check_positions(overload_name<AtenOp>(), "indices", indices, self.size(-2) * self.size(-1), -1);
  return call_library<AtenOp>(grad, self, kernel_size, stride, padding, dilation, ceil_mode, indices);
}

Tensor& max_pool2d_backward_out(const Tensor& grad, const Tensor& self, IntArrayRef kernel_size, IntArrayRef stride,
                                IntArrayRef padding, IntArrayRef dilation, bool ceil_mode, const Tensor& indices,
                                Tensor& grad_input) {
  using AtenOp = at::_ops::max_pool2d_with_indices_backward_grad_input;
  Structured<BackwardMeta> result(grad_input);
  result.meta(grad, self, kernel_size, stride, padding, dilation, ceil_mode, indices);
  result.check_overlap(grad);
  if (!backward(grad, self, Windows(kernel_size, stride, padding, dilation), indices, grad_input)) {
    check_positions(overload_name<AtenOp>(), "indices", indices, self.size(-2) * self.size(-1), -1);
    return call_library<AtenOp>(grad, self, kernel_size, stride, padding, dilation, ceil_mode, indices, grad_input);
  }
  count_compiled<AtenOp>();
  return grad_input;
}

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::max_pool2d_with_indices, &max_pool2d>(m);
  register_kernel<at::_ops::max_pool2d_with_indices_out, &max_pool2d_out>(m);
  register_kernel<at::_ops::max_pool2d_with_indices_backward, &max_pool2d_backward>(m);
  register_kernel<at::_ops::max_pool2d_with_indices_backward_grad_input, &max_pool2d_backward_out>(m);
}

}  // namespace
}  // namespace hologram::aten
