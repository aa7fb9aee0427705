// Circuits over float tensors, and a kernel that does nothing, for tests of what is recorded and run.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/memory/block.h"
#include "runtime/ir/circuit.h"
#include "runtime/kernels/kernel.h"

namespace hologram {

/// A float tensor: a block, and how a view of it lies.
struct View {
  Block* block;
  std::vector<int64_t> sizes, strides;   // strides in elements
  int64_t offset = 0;
  char* data() const { return block->data + offset * 4; }
};

inline View tensor(Queue& queue, std::vector<int64_t> sizes) {
  int64_t n = 1;
  std::vector<int64_t> strides(sizes.size());
  for (size_t d = sizes.size(); d--; n *= sizes[d]) strides[d] = n;
  return {allocate_block(queue, static_cast<size_t>(n) * 4), sizes, strides};
}

inline Ref add(Circuit& c, const View& v, Ref source = kNoRef) {
  const Ref ref = source == kNoRef ? c.add_operand(v.block, v.data(), DType::F32) : c.add_output(v.block, v.data(), DType::F32, source);
  const size_t shift = c.rank - v.sizes.size();
  for (size_t d = 0; d < v.sizes.size(); ++d) c.strides(ref)[d + shift] = v.sizes[d] == 1 ? 0 : v.strides[d] * 4;
  return ref;
}

/// out = op(inputs), elementwise over the sizes of `out`.
inline Circuit elementwise(Op op, const std::vector<View>& inputs, const View& out) {
  Circuit c;
  c.rank = static_cast<uint8_t>(out.sizes.size());
  std::copy(out.sizes.begin(), out.sizes.end(), c.sizes);
  Ref args[kMaxArgs];
  for (size_t i = 0; i < inputs.size(); ++i) args[i] = add(c, inputs[i]);
  add(c, out, c.add_node(op, DType::F32, DType::F32, args, inputs.size()));
  return c;
}

/// out = sum of in [rows, n] along its last dimension.
inline Circuit row_sum(const View& in, const View& out) {
  Circuit c;
  c.rank = 2;
  c.row_rank = 1;
  std::copy(in.sizes.begin(), in.sizes.end(), c.sizes);
  const Ref x = add(c, in);
  const Ref sum = c.add_node(Op::sum, DType::F32, DType::F32, {x});
  const Ref to = c.add_output(out.block, out.data(), DType::F32, sum);
  c.strides(to)[0] = out.sizes.size() == 1 || out.sizes[0] != 1 ? 4 : 0;
  return c;
}

inline Kernel* compile_nothing(const Key& key) {
  return make_kernel(key, [](void* const*, const int64_t*, int64_t, int64_t) {}, 1.0f, "nothing");
}

}  // namespace hologram
