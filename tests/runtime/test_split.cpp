// Folds in two launches: how many chunks the processor and a GPU get.
#include <vector>

#include "check.h"
#include "runtime/plan/plan.h"

using namespace hologram;

namespace {

struct One { uint8_t flags; int64_t items, chunk; };

/// The launches of a sum over `row` elements for each of `kept`; `across`: rows are columns in memory. Planning needs no memory.
std::vector<One> planned(const SplitLimits& limits, int64_t kept, int64_t row, bool across = false) {
  Circuit c;
  c.rank = 2;
  c.row_rank = 1;
  c.sizes[0] = kept;
  c.sizes[1] = row;
  const Ref x = c.add_operand(nullptr, nullptr, DType::F32);
  c.strides(x)[0] = across ? 4 : row * 4;
  c.strides(x)[1] = across ? kept * 4 : 4;
  c.strides(c.add_output(nullptr, nullptr, DType::F32, c.add_node(Op::sum, DType::F32, DType::F32, {x})))[0] = 4;
  IterationSpace space;
  CHECK(canonicalize(c, space, limits));
  lower(c, space);
  const Plan p = plan(c, space);
  CHECK((space.chunk != 0) == (p.num_launches == 2) && (p.num_partials != 0) == (p.num_launches == 2));
  std::vector<One> all;
  for (int i = 0; i < p.num_launches; ++i) {
    const KernelVariant& variant = p.launches[i].variant;
    all.push_back({variant.flags, p.launches[i].work.items, variant.num_extra ? variant.extra[0] : 0});
  }
  return all;
}

int64_t chunks(const SplitLimits& limits, int64_t kept, int64_t row, bool across = false) {
  const auto launches = planned(limits, kept, row, across);
  if (launches.size() == 1) return 1;
  CHECK(launches[0].flags == kSplit && launches[1].flags == kMerge);
  return (row + launches[0].chunk - 1) / launches[0].chunk;
}

}  // namespace

TEST(a_gpu_gets_as_many_chunks_as_keep_it_busy) {
  const SplitLimits &gpu = kGridSplits, &cpu = kHostSplits;
  CHECK(chunks(cpu, 1, 16 << 20) == 64 && chunks(gpu, 1, 16 << 20) == 1024);        // 64 MB
  CHECK(chunks(gpu, 1, 256 << 20) == 1024 && chunks(gpu, 1, 1 << 20) == 128 && chunks(gpu, 1, 16 << 10) == 1);
  CHECK(chunks(cpu, 300, 1 << 20) == 1 && chunks(gpu, 300, 1 << 20) == 4);
  CHECK(chunks(gpu, 4096, 4096) == 1);
  const auto odd = planned(gpu, 1, 20000003);
  CHECK(odd.size() == 2 && odd[0].chunk % 2048 == 0);           // whole rounds of 512 threads, so aligned ones
  CHECK(chunks(cpu, 4096, 4096, true) == 1 && chunks(gpu, 4096, 4096, true) == 32);
  CHECK(chunks(gpu, 64, 1 << 20, true) == 1024 && chunks(gpu, 256, 512, true) == 1);
}
