// Folds in two stages: how many chunks the processor and a GPU get.
#include <vector>

#include "check.h"
#include "fake_backend.h"
#include "runtime/plan/plan.h"

using namespace hologram;

namespace {

struct Stages final : Observer {
  struct One { uint8_t flags; int64_t items, chunk; };
  std::vector<One> all;
  std::vector<Block*> kept;
  ~Stages() override {
    for (Block* b : kept) b->release();
  }
  void launch(const Key&, const Circuit&, const Stage& stage, Work work) override {
    all.push_back({stage.flags, work.items, stage.num_extra ? stage.extra[0] : 0});
  }
  void keep(Block* block) override { kept.push_back(block); }
};

/// The launches of a sum over `row` elements for each of `kept`; `across`: rows are columns in memory. Nothing is computed, so
/// little memory will do.
std::vector<Stages::One> planned(Backend& backend, int64_t kept, int64_t row, bool across = false) {
  Block* in = allocate_block(backend, 64);
  Block* out = allocate_block(backend, 64);
  Circuit c;
  c.rank = 2;
  c.row_rank = 1;
  c.sizes[0] = kept;
  c.sizes[1] = row;
  const Ref x = c.add_operand(in, in->data, DType::F32);
  c.strides(x)[0] = across ? 4 : row * 4;
  c.strides(x)[1] = across ? kept * 4 : 4;
  c.strides(c.add_output(out, out->data, DType::F32, c.add_node(Op::sum, DType::F32, DType::F32, {x})))[0] = 4;
  Circuit scratch = c;
  const bool splits = will_split(backend, scratch);
  Stages stages;
  plan_circuit(backend, c, &stages);
  CHECK(splits == (stages.all.size() == 2));
  in->release();
  out->release();
  return stages.all;
}

int64_t chunks(Backend& backend, int64_t kept, int64_t row, bool across = false) {
  const auto stages = planned(backend, kept, row, across);
  if (stages.size() == 1) return 1;
  CHECK(stages[0].flags == kSplit && stages[1].flags == kMerge);
  return (row + stages[0].chunk - 1) / stages[0].chunk;
}

}  // namespace

TEST(a_gpu_gets_as_many_chunks_as_keep_it_busy) {
  Backend& gpu = new_backend();
  Backend& cpu = cpu_backend();
  CHECK(chunks(cpu, 1, 16 << 20) == 64 && chunks(gpu, 1, 16 << 20) == 1024);        // 64 MB
  CHECK(chunks(gpu, 1, 256 << 20) == 1024 && chunks(gpu, 1, 1 << 20) == 128 && chunks(gpu, 1, 16 << 10) == 1);
  CHECK(chunks(cpu, 300, 1 << 20) == 1 && chunks(gpu, 300, 1 << 20) == 4);
  CHECK(chunks(gpu, 4096, 4096) == 1);
  const auto odd = planned(gpu, 1, 20000003);
  CHECK(odd.size() == 2 && odd[0].chunk % 2048 == 0);           // whole rounds of 512 threads, so aligned ones
  CHECK(chunks(cpu, 4096, 4096, true) == 1 && chunks(gpu, 4096, 4096, true) == 32);
  CHECK(chunks(gpu, 64, 1 << 20, true) == 1024 && chunks(gpu, 256, 512, true) == 1);
}
