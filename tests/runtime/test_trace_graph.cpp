// The window: which ops join, what orders groups, what is dropped; and streams that record from several threads.
#include <unistd.h>

#include <thread>
#include <vector>

#include "check.h"
#include "circuits.h"
#include "fake_queue.h"
#include "runtime/base/config.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/trace/history.h"
#include "runtime/trace/trace_graph.h"
#include "runtime/trace/stream.h"

using namespace hologram;

namespace {

struct Recorded {
  TraceGraph window;
  std::vector<Block*> released;
  ~Recorded() {
    window.clear(released, {});
    for (Block* b : released) b->release();
  }
  void add(Circuit c) {
    IterationSpace space;
    CHECK(canonicalize(c, space, kHostSplits));
    interleave(c, space);
    window.add(c, space);
  }
};

std::vector<int> stages(Recorded& r) {
  std::vector<int> result;
  for (int g = 0; g < r.window.num_groups(); ++g) {
    CHECK(r.window.prune(g));
    result.push_back(r.window.stage_of(g));
  }
  return result;
}

int nodes(Recorded& r, int group) { return r.window.group(group).circuit.num_nodes; }

}  // namespace

TEST(a_chain_is_one_group) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4, 8}), y = tensor(queue, {4, 8}), z = tensor(queue, {4, 8}), bias = tensor(queue, {8});
  r.add(elementwise(Op::mul, {x, x}, y));
  r.add(elementwise(Op::add, {y, bias}, z));       // another rank: the first op's space is cut to fit
  CHECK(r.window.num_groups() == 1 && nodes(r, 0) == 2);
  const Circuit& c = r.window.group(0).circuit;
  CHECK(c.rank == 2 && c.num_operands == 4);       // x once, bias, two outputs
  CHECK(c.nodes[1].args[0] == 0);                  // the value, not the memory
}

TEST(views_of_one_range_are_one_value_and_others_are_not) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {24}), y = tensor(queue, {24}), flat = tensor(queue, {4, 6}), turned = tensor(queue, {6, 4});
  r.add(elementwise(Op::neg, {x}, y));
  r.add(elementwise(Op::neg, {{y.block, {4, 6}, {6, 1}}}, flat));
  CHECK(r.window.num_groups() == 1);
  r.add(elementwise(Op::neg, {{y.block, {6, 4}, {1, 6}}}, turned));
  CHECK(r.window.num_groups() == 2 && stages(r) == std::vector<int>({0, 1}));
}

TEST(writes_wait_for_readers_of_other_views) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {9}), a = tensor(queue, {8}), b = tensor(queue, {9});
  const View head{x.block, {8}, {1}}, tail{x.block, {8}, {1}, 1};
  r.add(elementwise(Op::neg, {head}, a));
  r.add(elementwise(Op::neg, {x}, x));             // in place, while group 0 reads a part
  CHECK(r.window.num_groups() == 2);
  r.add(elementwise(Op::neg, {x}, b));             // the same elements: the new value
  CHECK(r.window.num_groups() == 2 && nodes(r, 1) == 2);
  r.add(elementwise(Op::neg, {tail}, a));          // after both
  CHECK(r.window.num_groups() == 3 && stages(r) == std::vector<int>({0, 1, 2}));
}

TEST(a_shared_weight_joins_nothing) {
  Queue& queue = new_queue();
  Recorded r;
  const View w = tensor(queue, {8}), a = tensor(queue, {4, 8}), b = tensor(queue, {4, 8}), c = tensor(queue, {4, 8}), d = tensor(queue, {4, 8});
  r.add(elementwise(Op::mul, {a, w}, c));
  r.add(elementwise(Op::mul, {b, w}, d));
  CHECK(r.window.num_groups() == 2);
  const View e = tensor(queue, {4, 8});
  r.add(elementwise(Op::add, {a, w}, e));          // a is as large as the space: one load of it serves both
  CHECK(r.window.num_groups() == 2 && nodes(r, 0) == 2);
}

TEST(groups_that_meet_are_one) {
  Queue& queue = new_queue();
  Recorded r;
  const View a = tensor(queue, {4, 8}), b = tensor(queue, {32}), x = tensor(queue, {4, 8}), y = tensor(queue, {4, 8}), z = tensor(queue, {4, 8});
  r.add(elementwise(Op::neg, {a}, x));
  r.add(elementwise(Op::exp, {{b.block, {4, 8}, {8, 1}}}, y));
  CHECK(r.window.num_groups() == 2 && nodes(r, 0) == 1 && nodes(r, 1) == 1);
  r.add(elementwise(Op::add, {x, y}, z));
  CHECK(r.window.num_groups() == 2 && nodes(r, 0) == 0 && nodes(r, 1) == 3);
  x.block->release();
  y.block->release();
  CHECK(r.window.prune(1));                          // both values stay inside
  const Circuit& c = r.window.group(1).circuit;
  CHECK(c.num_operands == 3 && c.nodes[2].args[0] == 0 && c.nodes[2].args[1] == 1);
}

TEST(a_group_that_something_in_between_depends_on_stays) {
  Queue& queue = new_queue();
  Recorded r;
  const View a = tensor(queue, {24}), b = tensor(queue, {24}), x = tensor(queue, {24}), y = tensor(queue, {24}), z = tensor(queue, {24});
  const View turned{x.block, {6, 4}, {1, 6}}, w = tensor(queue, {6, 4});
  r.add(elementwise(Op::neg, {a}, x));
  r.add(elementwise(Op::neg, {turned}, w));          // reads x from memory
  r.add(elementwise(Op::exp, {b}, y));
  r.add(elementwise(Op::add, {x, y}, z));
  CHECK(nodes(r, 0) == 1 && nodes(r, 2) == 2 && stages(r) == std::vector<int>({0, 1, 1}));
}

TEST(a_group_whose_input_is_written_in_between_stays) {
  Queue& queue = new_queue();
  Recorded r;
  const View a = tensor(queue, {24}), b = tensor(queue, {24}), x = tensor(queue, {24}), y = tensor(queue, {24}), z = tensor(queue, {24});
  const View head{a.block, {8}, {1}}, part = tensor(queue, {8});
  r.add(elementwise(Op::neg, {a}, x));
  r.add(elementwise(Op::neg, {part}, head));         // writes over what the first group reads
  r.add(elementwise(Op::exp, {b}, y));
  r.add(elementwise(Op::add, {x, y}, z));
  CHECK(nodes(r, 0) == 1 && nodes(r, 2) == 2 && stages(r) == std::vector<int>({0, 1, 1}));
}

TEST(a_merged_group_keeps_what_orders_it) {
  Queue& queue = new_queue();
  Recorded r;
  const View a = tensor(queue, {24}), b = tensor(queue, {24}), x = tensor(queue, {24}), y = tensor(queue, {24}), z = tensor(queue, {24});
  r.add(elementwise(Op::neg, {a}, x));
  r.add(elementwise(Op::exp, {b}, y));
  r.add(elementwise(Op::add, {x, y}, z));
  const View head{a.block, {8}, {1}}, part = tensor(queue, {8}), tail{z.block, {8}, {1}, 16}, copy = tensor(queue, {8});
  r.add(elementwise(Op::neg, {part}, head));         // after the group that reads a, wherever it went
  r.add(elementwise(Op::neg, {tail}, copy));         // after the group that writes z
  CHECK(r.window.num_groups() == 4 && nodes(r, 1) == 3);
  CHECK(r.window.stage_of(1) == 0 && r.window.stage_of(2) == 1 && r.window.stage_of(3) == 1);
}

TEST(a_write_waits_for_a_reader_that_moved_behind_another) {
  Queue& queue = new_queue();
  Recorded r;
  const View a = tensor(queue, {4, 6}), b = tensor(queue, {4, 6}), x = tensor(queue, {4, 6}), y = tensor(queue, {4, 6}), z = tensor(queue, {4, 6});
  const View head{a.block, {8}, {1}}, w = tensor(queue, {8});
  r.add(elementwise(Op::neg, {a}, x));
  r.add(elementwise(Op::neg, {head}, w));          // the last reader of a, so far
  r.add(elementwise(Op::exp, {b}, y));
  r.add(elementwise(Op::add, {x, y}, z));            // the first group moves behind it
  CHECK(nodes(r, 0) == 0 && nodes(r, 2) == 3);
  r.add(elementwise(Op::exp, {w}, head));          // would fit into the group in between
  CHECK(r.window.num_groups() == 4 && nodes(r, 1) == 1);
  CHECK(r.window.stage_of(1) == 0 && r.window.stage_of(2) == 0 && r.window.stage_of(3) == 1);
}

TEST(a_write_waits_for_every_earlier_reader) {
  Queue& queue = new_queue();
  Recorded r;
  const View a = tensor(queue, {8}), x = tensor(queue, {4, 6}), y = tensor(queue, {6, 4}), z = tensor(queue, {6, 4}), w = tensor(queue, {24});
  r.add(elementwise(Op::neg, {a}, a));
  r.add(elementwise(Op::neg, {x}, {y.block, {4, 6}, {6, 1}}));
  r.add(elementwise(Op::add, {{y.block, {6, 4}, {1, 6}}, {x.block, {6, 4}, {1, 6}}}, z));   // reads x late: it needs y
  r.add(elementwise(Op::neg, {{x.block, {3, 8}, {1, 3}}}, {w.block, {3, 8}, {8, 1}}));      // reads x early
  r.add(elementwise(Op::neg, {x}, x));
  const auto found = stages(r);
  CHECK(found.back() > found[2] && found.back() > found[found.size() - 2]);
}

TEST(pieces_of_one_block_need_no_order) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4, 3}), rows = tensor(queue, {8, 3}), y = tensor(queue, {8, 3});
  r.add(elementwise(Op::neg, {x}, {rows.block, {4, 3}, {3, 1}}));
  r.add(elementwise(Op::neg, {x}, {rows.block, {4, 3}, {3, 1}, 12}));
  r.add(elementwise(Op::exp, {x}, {rows.block, {4, 3}, {3, 1}, 3}));        // over both
  r.add(elementwise(Op::neg, {{rows.block, {8, 3}, {3, 1}}}, y));
  CHECK(stages(r) == std::vector<int>({0, 0, 1, 2}));
}

TEST(columns_of_one_block_need_no_order) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4, 2}), all = tensor(queue, {4, 6}), y = tensor(queue, {4, 6});
  const auto columns = [&](int64_t first) { return View{all.block, {4, 2}, {6, 1}, first}; };
  r.add(elementwise(Op::neg, {x}, columns(0)));
  r.add(elementwise(Op::neg, {x}, columns(2)));
  r.add(elementwise(Op::neg, {x}, columns(3)));                             // a column of the second
  r.add(elementwise(Op::neg, {x}, columns(5)));                             // from one row into the next
  r.add(elementwise(Op::neg, {x}, {all.block, {4, 2}, {-6, 1}, 18}));       // the first again, from below
  r.add(elementwise(Op::neg, {all}, y));
  CHECK(stages(r) == std::vector<int>({0, 0, 1, 2, 3, 4}));
}

TEST(a_piece_waits_for_readers_and_for_writers_of_the_whole) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4}), all = tensor(queue, {8}), y = tensor(queue, {8});
  r.add(elementwise(Op::neg, {x}, {all.block, {4}, {1}}));
  r.add(elementwise(Op::neg, {all}, y));
  r.add(elementwise(Op::neg, {x}, {all.block, {4}, {1}, 4}));               // read as a part of the whole
  r.add(elementwise(Op::neg, {y}, all));
  r.add(elementwise(Op::neg, {x}, {all.block, {4}, {1}}));
  r.add(elementwise(Op::neg, {x}, {all.block, {4}, {1}, 4}));
  CHECK(stages(r) == std::vector<int>({0, 1, 2, 3, 4, 4}));
}

TEST(a_write_takes_the_place_of_the_value_before) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {8});
  for (int i = 0; i < 3; ++i) r.add(elementwise(Op::neg, {x}, x));
  Circuit& c = r.window.group(0).circuit;
  CHECK(r.window.num_groups() == 1 && c.num_nodes == 3 && c.num_operands == 2 && c.operands[1].source == 2);
}

TEST(folds_take_what_comes_before_and_what_follows) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4, 8}), y = tensor(queue, {4, 8}), s = tensor(queue, {4}), t = tensor(queue, {4}), z = tensor(queue, {4, 8});
  r.add(elementwise(Op::neg, {x}, y));
  r.add(row_sum(y, s));
  r.add(elementwise(Op::neg, {s}, t));                                     // one per row
  r.add(elementwise(Op::mul, {y, {t.block, {4, 1}, {1, 1}}}, z));          // broadcast along the row
  CHECK(r.window.num_groups() == 1 && nodes(r, 0) == 4);
  FusionGroup& g = r.window.group(0);
  CHECK(g.space.folds && g.space.kept == 4 && g.space.full == 32 && g.space.row == 2);
  lower(g.circuit, g.space);
  CHECK(g.circuit.row_rank == 1 && g.circuit.rank == 2 && g.circuit.sizes[1] == 8);
}

TEST(another_walk_along_the_row_stays_another_kernel) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4, 8}), y = tensor(queue, {8, 4}), s = tensor(queue, {4});
  r.add(elementwise(Op::neg, {{x.block, {8, 4}, {1, 8}}}, y));    // y is laid out anew
  r.add(row_sum({y.block, {4, 8}, {1, 4}}, s));                   // and folded across: not in the order of x
  CHECK(r.window.num_groups() <= 2);
  const IterationSpace& space = r.window.group(r.window.num_groups() - 1).space;
  CHECK(space.pattern[0] == 16 && space.pattern[1] == 4);                 // the walk is that of y
}

TEST(dead_values_are_not_stored_and_dead_groups_do_not_run) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {8}), y = tensor(queue, {8}), z = tensor(queue, {8}), lone = tensor(queue, {16}), other = tensor(queue, {16});
  r.add(elementwise(Op::neg, {x}, y));
  r.add(elementwise(Op::neg, {y}, z));
  r.add(elementwise(Op::neg, {other}, lone));
  y.block->release();
  lone.block->release();
  CHECK(r.window.prune(0) && r.window.group(0).circuit.num_operands == 2 && nodes(r, 0) == 2);
  CHECK(!r.window.prune(1));
}

TEST(a_dead_value_that_another_group_reads_is_stored) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {4, 6}), y = tensor(queue, {4, 6}), z = tensor(queue, {6, 4});
  r.add(elementwise(Op::neg, {x}, y));
  r.add(elementwise(Op::neg, {{y.block, {6, 4}, {1, 6}}}, z));
  y.block->release();
  CHECK(r.window.num_groups() == 2 && r.window.prune(0) && r.window.group(0).circuit.num_operands == 2);
}

TEST(sweeping_gives_back_what_only_values_need) {
  Queue& queue = new_queue();
  Recorded r;
  const View x = tensor(queue, {8}), y = tensor(queue, {8}), z = tensor(queue, {8});
  r.add(elementwise(Op::neg, {x}, y));
  r.add(elementwise(Op::neg, {y}, z));
  y.block->release();
  x.block->release();
  std::vector<Block*> released;
  CHECK(r.window.release_dead_values(released) == static_cast<int64_t>(x.block->capacity));   // read by a kernel to come
  CHECK(released.size() == 1 && released[0] == y.block);
  released[0]->release();
  CHECK(r.window.prune(0) && nodes(r, 0) == 2 && r.window.group(0).circuit.num_operands == 2);
}

TEST(long_loops_keep_their_period) {
  Queue& queue = new_queue();
  Recorded r;
  View x = tensor(queue, {8});
  for (int i = 0; i < 40; ++i) {
    for (Op op : {Op::neg, Op::abs, Op::exp}) {
      const View y = tensor(queue, {8});
      r.add(elementwise(op, {x}, y));
      x.block->release();
      x = y;
    }
  }
  for (int g = 0; g + 1 < r.window.num_groups(); ++g) CHECK(nodes(r, g) % 3 == 0 && nodes(r, g) == nodes(r, 0));
}

// ---- streams ----

TEST(threads_record_into_one_stream) {
  set_compiler(&compile_nothing);
  FakeQueue& queue = new_queue();
  const uint64_t before = read_counters()[Counter::recorded];
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&queue, t] {
      for (int i = 0; i < 300; ++i) {
        const View x = tensor(queue, {8}), y = tensor(queue, {8});
        Circuit c = elementwise(Op::neg, {x}, y);
        queue.only.submit(c);
        if (i % 7 == t) queue.only.before_read(y.block);
        if (i % 50 == t) queue.only.flush(Reason::Read);
        x.block->release();
        y.block->release();
      }
    });
  for (auto& thread : threads) thread.join();
  queue.only.synchronize();
  CHECK(read_counters()[Counter::recorded] - before == 1200);
  CHECK(memory_stats(queue).active_blocks.current == 0);
}

TEST(guarded_memory_is_out_of_reach_until_it_is_written) {
  set_compiler(&compile_nothing);
  FakeQueue& queue = new_queue();
  config().guard = true;
  const View x = tensor(queue, {8}), y = tensor(queue, {8});
  int pipe_ends[2];
  CHECK(pipe(pipe_ends) == 0);
  const auto readable = [&](const View& v) { return write(pipe_ends[1], v.data(), 4) == 4; };   // the system call tries
  Circuit c = elementwise(Op::neg, {x}, y);
  CHECK(readable(y));
  queue.only.submit(c);
  CHECK(readable(x) && !readable(y));
  queue.only.before_read(y.block);
  CHECK(readable(y));
  config().guard = false;
  x.block->release();
  y.block->release();
}

TEST(exposed_memory_takes_no_part) {
  set_compiler(&compile_nothing);
  FakeQueue& queue = new_queue();
  const View x = tensor(queue, {8}), y = tensor(queue, {8});
  y.block->exposed = true;
  const uint64_t launched = read_counters()[Counter::launched];
  Circuit c = elementwise(Op::neg, {x}, y);
  queue.only.submit(c);
  CHECK(read_counters()[Counter::launched] == launched + 1 && y.block->entry == 0);
}
