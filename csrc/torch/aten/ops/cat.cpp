// torch.cat where kernels read the host's memory: contiguous tensors of one type are joined by memory copies, other inputs are
// torch's. Elsewhere each tensor is a recorded copy, which converts and takes any strides; copies into places of one result that
// are apart run together.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat_ops.h>
#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "torch/aten/core/common.h"
#include "torch/aten/core/logged_call.h"
#include "torch/aten/core/registration.h"
#include "torch/aten/core/same_memory.h"
#include "torch/aten/torch_kernels/typed_call.h"

namespace hologram::aten {
namespace {

using at::Tensor;

constexpr int64_t kBytesPerThread = 256 * 1024;
constexpr int64_t kBytesPerBlock = 16 * 1024;   // of rows that all pieces are copied into: they stay in the L1 cache

struct Piece {
  const char* from;
  int64_t bytes;   // per outer index
};

/// The layout of the result: that of all tensors, else contiguous.
c10::MemoryFormat common_format(const at::ITensorListRef& tensors, const Tensor& first) {
  const c10::MemoryFormat format = first.suggest_memory_format();
  if (C10_UNLIKELY(format != c10::MemoryFormat::Contiguous))
    for (const Tensor& t : tensors)
      if (t.suggest_memory_format() != format) return c10::MemoryFormat::Contiguous;
  return format;
}

// Do the tensors join along `dim` without an error and without the legacy exception (empty 1-d tensors)? `plain`: with nothing
// to convert.
template <bool plain>
bool joins(const at::ITensorListRef& tensors, const Tensor& first, int64_t dim) {
  for (const Tensor& t : tensors) {
    if (!t.defined() || t.device() != first.device() || t.dim() != first.dim()) return false;
    if (plain && (t.scalar_type() != first.scalar_type() || !t.is_contiguous() || t.is_conj() || t.is_neg())) return false;
    for (int64_t d = 0; d < first.dim(); ++d)
      if (d != dim && t.size(d) != first.size(d)) return false;
  }
  // Tensors with channels of size 1 pass for contiguous; what they join to may not.
  return !plain || common_format(tensors, first) == c10::MemoryFormat::Contiguous;
}

/// Copies `rows` pieces of `bytes` each, which lie one after the other, to places `row` bytes apart.
template <size_t bytes>
void copy_column(const char* from, char* to, int64_t rows, int64_t row) {
  for (int64_t i = 0; i < rows; ++i) std::memcpy(to + i * row, from + i * bytes, bytes);
}

void copy_column(const char* from, char* to, int64_t rows, int64_t row, int64_t bytes) {
  switch (bytes) {     // a copy of a known size is a move or two; of an unknown one, a call
    case 1: return copy_column<1>(from, to, rows, row);
    case 2: return copy_column<2>(from, to, rows, row);
    case 3: return copy_column<3>(from, to, rows, row);
    case 4: return copy_column<4>(from, to, rows, row);
    case 6: return copy_column<6>(from, to, rows, row);
    case 8: return copy_column<8>(from, to, rows, row);
    case 12: return copy_column<12>(from, to, rows, row);
    case 16: return copy_column<16>(from, to, rows, row);
    case 24: return copy_column<24>(from, to, rows, row);
    case 32: return copy_column<32>(from, to, rows, row);
  }
  for (int64_t i = 0; i < rows; ++i) std::memcpy(to + i * row, from + i * bytes, static_cast<size_t>(bytes));
}

void copy_pieces(c10::ArrayRef<Piece> pieces, int64_t outer, char* out) {
  int64_t row = 0;
  for (const Piece& p : pieces) row += p.bytes;
  const auto copy_rows = [&](int64_t begin, int64_t end) {
    const int64_t block = std::max<int64_t>(1, kBytesPerBlock / std::max<int64_t>(row, 1));
    for (int64_t first = begin; first < end; first += block) {
      const int64_t rows = std::min(block, end - first);
      char* to = out + first * row;
      for (const Piece& p : pieces) {
        copy_column(p.from + first * p.bytes, to, rows, row, p.bytes);
        to += p.bytes;
      }
    }
  };
  if (outer > 1) {
    at::parallel_for(0, outer, std::max<int64_t>(1, kBytesPerThread / std::max<int64_t>(row, 1)), copy_rows);
    return;
  }
  for (const Piece& p : pieces) {
    at::parallel_for(0, p.bytes, kBytesPerThread, [&](int64_t begin, int64_t end) {
      std::memcpy(out + begin, p.from + begin, static_cast<size_t>(end - begin));
    });
    out += p.bytes;
  }
}

C10_NOINLINE void capture_pieces(c10::ArrayRef<Piece> pieces, int64_t outer, const Tensor& out) {
  std::vector<MemoryUse> uses{{out.const_data_ptr(), true}};
  for (const Piece& p : pieces) uses.push_back({p.from, false});
  std::ostringstream facts;
  for (const Piece& p : pieces) facts << p.bytes << ' ';
  facts << outer;
  capture_work("cat", uses, facts.str(),
               [pieces = std::vector<Piece>(pieces.begin(), pieces.end()), outer](char* const* at) mutable {
                 for (size_t i = 0; i < pieces.size(); ++i) pieces[i].from = at[i + 1];
                 copy_pieces(pieces, outer, at[0]);
               });
}

C10_NOINLINE Tensor cat_by_device(const at::ITensorListRef& tensors, const Tensor& first, int64_t dim) {
  c10::SmallVector<int64_t, 8> sizes(first.sizes().begin(), first.sizes().end());
  sizes[dim] = 0;
  c10::ScalarType type = first.scalar_type();
  for (const Tensor& t : tensors) {
    sizes[dim] += t.size(dim);
    type = c10::promoteTypes(type, t.scalar_type());
  }
  Tensor out = at::empty(sizes, first.options().dtype(type), common_format(tensors, first));
  int64_t start = 0;
  for (const Tensor& t : tensors) {
    check_one_memory("cat", first, t, out);
    const int64_t size = t.size(dim);
    out.narrow(dim, start, size).copy_(t);
    start += size;
  }
  return out;
}

Tensor cat(const at::ITensorListRef& tensors, int64_t dim) {
  if (tensors.size() == 0) return call_library<at::_ops::cat>(at::TensorList(), dim);
  const Tensor& first = *tensors.begin();
  const int64_t rank = first.defined() && is_hologram(first) ? first.dim() : 0;
  const int64_t wrapped = dim < 0 ? dim + rank : dim;
  const bool on_host = rank == 0 || reads_host_memory(first);
  if (wrapped < 0 || wrapped >= rank ||
      !(on_host ? joins<true>(tensors, first, wrapped) : joins<false>(tensors, first, wrapped))) {
    const std::vector<Tensor> list(tensors.begin(), tensors.end());
    return call_library<at::_ops::cat>(list, dim);
  }
  dim = wrapped;
  static OpStat& stat = op_stat<at::_ops::cat>();
  if (!on_host) {
    stat.compiled.fetch_add(1, std::memory_order_relaxed);
    return cat_by_device(tensors, first, dim);
  }
  c10::SmallVector<int64_t, 8> sizes(first.sizes().begin(), first.sizes().end());
  sizes[dim] = 0;
  int64_t outer = 1, inner = static_cast<int64_t>(first.element_size());
  for (int64_t d = 0; d < dim; ++d) outer *= sizes[d];
  for (int64_t d = dim + 1; d < rank; ++d) inner *= sizes[d];
  c10::SmallVector<Piece, 16> pieces;
  for (const Tensor& t : tensors) {
    sizes[dim] += t.size(dim);
    if (t.numel()) pieces.push_back({static_cast<const char*>(t.const_data_ptr()), t.size(dim) * inner});
  }
  const Tensor out = empty(sizes, first.scalar_type(), first.device());
  for (const Tensor& t : tensors) check_one_memory(stat.name, first, t, out);
  const HostWork work;
  for (const Tensor& t : tensors) before_read(t);
  LoggedCall log(stat.name);
  for (const Tensor& t : tensors) log.reads(t);
  log.writes(out);
  if (out.numel()) copy_pieces(pieces, outer, output_data(out));
  if (capturing() && out.numel()) capture_pieces(pieces, outer, out);
  stat.library.fetch_add(1, std::memory_order_relaxed);
  return out;
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) { register_kernel<at::_ops::cat, &cat>(m); }

}  // namespace hologram::aten
