// Gathering whole rows: embedding, index_select along the first dimension, x[index]. One copy loop serves all three; every
// other form of indexing is torch's.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/embedding_native.h>
#include <ATen/ops/embedding_ops.h>
#include <ATen/ops/index_ops.h>
#include <ATen/ops/index_select_ops.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "torch/aten/core/common.h"
#include "torch/aten/core/logged_call.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/same_memory.h"
#include "torch/aten/torch_kernels/graph_calls.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::Tensor;

constexpr int64_t kBytesPerThread = 128 * 1024;

bool is_index(const Tensor& t) {
  return (t.scalar_type() == at::kLong || t.scalar_type() == at::kInt) && t.is_contiguous() && (is_hologram(t) || t.is_cpu());
}

bool has_rows(const Tensor& t) {
  return is_hologram(t) && on_host_kernels(t) && t.dim() >= 1 && t.size(0) != 0 && t.is_contiguous() && !t.is_conj() && !t.is_neg();
}

template <class Index>
void copy_rows(const char* from, int64_t rows, const Index* index, int64_t count, char* out, int64_t row_bytes, bool wrap,
               const char* message) {
  // All indices are checked first: nothing is written on an error.
  for (int64_t i = 0; i < count; ++i) {
    const int64_t k = index[i];
    TORCH_CHECK_INDEX(k < rows && k >= (wrap ? -rows : 0), wrap ? c10::str("index ", k, message, rows) : std::string(message));
  }
  const auto each_row = [&](auto copy_row) {
    const int64_t grain = std::max<int64_t>(1, kBytesPerThread / std::max<int64_t>(row_bytes, 1));
    at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) copy_row(i, index[i] < 0 ? index[i] + rows : index[i]);
    });
  };
  const auto each_element = [&](auto sample) {   // rows of one element: no call per row
    const auto* source = reinterpret_cast<const decltype(sample)*>(from);
    auto* target = reinterpret_cast<decltype(sample)*>(out);
    each_row([=](int64_t i, int64_t k) { target[i] = source[k]; });
  };
  switch (row_bytes) {
    case 1: return each_element(uint8_t{});
    case 2: return each_element(uint16_t{});
    case 4: return each_element(uint32_t{});
    case 8: return each_element(uint64_t{});
    default:
      return each_row([=](int64_t i, int64_t k) {
        std::memcpy(out + i * row_bytes, from + k * row_bytes, static_cast<size_t>(row_bytes));
      });
  }
}

/// src[index], of shape index.sizes() + src.sizes()[1:].
Tensor take_rows(const Tensor& src, const Tensor& index, bool wrap, const char* message, OpStat& stat) {
  c10::SmallVector<int64_t, 8> sizes(index.sizes().begin(), index.sizes().end());
  sizes.append(src.sizes().begin() + 1, src.sizes().end());
  Tensor out = empty(sizes, src.scalar_type(), src.device());
  check_one_memory(stat.name, src, out, index);
  const HostWork work;
  before_read(src, index);
  before_write(out);
  const int64_t rows = src.size(0), count = index.numel(), row_bytes = rows == 0 ? 0 : static_cast<int64_t>(src.nbytes()) / rows;
  const bool wide = index.scalar_type() == at::kLong;
  const auto take = [=](const void* from, const void* at, char* to) {
    if (wide) copy_rows(static_cast<const char*>(from), rows, static_cast<const int64_t*>(at), count, to, row_bytes, wrap, message);
    else copy_rows(static_cast<const char*>(from), rows, static_cast<const int32_t*>(at), count, to, row_bytes, wrap, message);
  };
  LoggedCall log(stat.name);
  log.reads(src);
  log.reads(index);
  log.writes(out);
  take(src.const_data_ptr(), index.const_data_ptr(), output_data(out));
  if (capturing() && count && row_bytes)
    capture_work(stat.name, {{out.const_data_ptr(), true}, {src.const_data_ptr(), false}, {index.const_data_ptr(), false}},
                 c10::str(rows, ' ', count, ' ', row_bytes, ' ', wide, wrap), [=](char* const* at) { take(at[1], at[2], at[0]); });
  stat.library.fetch_add(1, std::memory_order_relaxed);
  return out;
}

Tensor embedding(const Tensor& weight, const Tensor& indices, c10::SymInt padding_idx, bool scale_grad_by_freq, bool sparse) {
  static OpStat& stat = op_stat<at::_ops::embedding>();
  if (weight.dim() == 2 && has_rows(weight) && is_index(indices) && indices.device() == weight.device())
    return take_rows(weight, indices, /*wrap=*/false, "index out of range in self", stat);
  return at::native::embedding_symint(weight, indices, padding_idx, scale_grad_by_freq, sparse);
}

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
  static OpStat& stat = op_stat<at::_ops::index_select>();
  if (dim == 0 && has_rows(self) && index.dim() == 1 && is_index(index) && index.device() == self.device())
    return take_rows(self, index, /*wrap=*/false, "index out of range in self", stat);
  return call_library<at::_ops::index_select>(self, dim, index);
}

Tensor index(const Tensor& self, const c10::List<std::optional<Tensor>>& indices) {
  static OpStat& stat = op_stat<at::_ops::index_Tensor>();
  if (indices.size() == 1 && has_rows(self) && has_plain_strides(self, 1)) {   // within a row x[index] keeps other strides
    const std::optional<Tensor> first = indices.get(0);
    if (first && first->defined() && is_index(*first))
      return take_rows(self, *first, /*wrap=*/true, " is out of bounds for dimension 0 with size ", stat);
  }
  return call_library<at::_ops::index_Tensor>(self, indices);
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  register_kernel<at::_ops::embedding, &embedding>(m);
  register_kernel<at::_ops::index_select, &index_select>(m);
  register_kernel<at::_ops::index_Tensor, &index>(m);
}

}  // namespace hologram::aten
