#include "runtime/ir/key.h"

#include <cstring>

namespace hologram {
namespace {

uint64_t mix(uint64_t h) {
  h *= 0x9E3779B97F4A7C15ull;
  return h ^ h >> 29;
}

/// Reads past the end of the key are avoided by padding it to whole words with zeros; the size tells keys apart.
void finish(Key& key, size_t size) {
  key.size = static_cast<uint16_t>(size);
  const size_t padding = (8 - size % 8) % 8;
  std::memset(key.bytes + size, 0, padding);
  uint64_t h = size;
  for (size_t at = 0; at < size; at += 8) {
    uint64_t word;
    std::memcpy(&word, key.bytes + at, 8);
    h = mix(h ^ word);
  }
  key.hash = mix(h);
}

bool is_fixed(const Circuit& c, const Operand& o) {
  for (int d = c.rank - c.row_rank; d < c.rank; ++d)
    if (o.strides[d] != 0) return false;
  return c.row_rank > 0;
}

}  // namespace

void build_key(const Circuit& c, Schedule schedule, uint8_t flags, int lane_dim, Key& key) {
  uint8_t* p = key.bytes;
  *p++ = kKeyVersion;
  *p++ = static_cast<uint8_t>(schedule);
  *p++ = c.rank;
  *p++ = c.row_rank;
  *p++ = c.num_nodes;
  *p++ = c.num_operands;
  *p++ = c.num_scalars;
  *p++ = flags;
  for (int i = 0; i < c.num_nodes; ++i) {
    const Node& n = c.nodes[i];
    const auto op = static_cast<uint16_t>(n.op);
    *p++ = static_cast<uint8_t>(op);
    *p++ = static_cast<uint8_t>(op >> 8);
    *p++ = static_cast<uint8_t>(n.compute);
    *p++ = static_cast<uint8_t>(n.result);
    *p++ = n.nargs;
    std::memcpy(p, n.args, n.nargs);
    p += n.nargs;
  }
  for (int i = 0; i < c.num_operands; ++i) {
    const Operand& o = c.operands[i];
    *p++ = static_cast<uint8_t>(o.dtype);
    *p++ = static_cast<uint8_t>(static_cast<uint8_t>(layout_of(o.strides[lane_dim], o.dtype)) | (is_fixed(c, o) ? kFixed : 0));
    *p++ = o.output;
    *p++ = o.source;
  }
  for (int i = 0; i < c.num_scalars; ++i) *p++ = c.scalars[i].integer;
  finish(key, static_cast<size_t>(p - key.bytes));
}

bool key_from_bytes(const void* bytes, size_t size, Key& key) {
  if (size < 8 || size > sizeof(key.bytes) - 8) return false;
  std::memcpy(key.bytes, bytes, size);
  finish(key, size);
  return true;
}

}  // namespace hologram
