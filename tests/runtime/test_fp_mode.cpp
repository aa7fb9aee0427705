// The mode of floating-point arithmetic: an op computes in that of the thread which called it.
#include <atomic>
#include <thread>

#include "check.h"
#include "fake_queue.h"
#include "runtime/base/fp_mode.h"
#include "runtime/base/threads.h"

using namespace hologram;

namespace {

#if defined(__x86_64__) || defined(__aarch64__)

#if defined(__x86_64__)
constexpr FpMode kFlush = 0x8040, kUpwards = 0x4000;
#else
constexpr FpMode kFlush = 1u << 24, kUpwards = 1u << 22;
#endif

std::atomic<int> in_standard{0}, in_flush{0}, elsewhere{0};
std::atomic<bool> compiled_in_standard{false};

void note_mode() { ++(fp_mode() == kStandardFpMode ? in_standard : fp_mode() == kFlush ? in_flush : elsewhere); }
void run_noting(void* const*, const int64_t*, int64_t, int64_t) { note_mode(); }

Kernel* compile_noting(const Key& key) {
  compiled_in_standard = fp_mode() == kStandardFpMode;
  return make_kernel(key, &run_noting, 0.01f, "notes its mode");
}

void forget() { in_standard = in_flush = elsewhere = 0; }

/// y = op(x), recorded on blocks of its own.
struct Call {
  Block *x, *y;
  Call(Queue& queue, Op op) : x(allocate_block(queue, 64)), y(allocate_block(queue, 64)) {
    Circuit c;
    c.rank = 1;
    c.sizes[0] = 16;
    const Ref in = c.add_operand(x, x->data, DType::F32);
    const Ref out = c.add_output(y, y->data, DType::F32, c.add_node(op, DType::F32, DType::F32, {in}));
    c.strides(in)[0] = c.strides(out)[0] = 4;
    queue.stream().submit(c);
  }
  ~Call() {
    y->release();
    x->release();
  }
};

}  // namespace

TEST(a_scope_changes_the_mode_and_nothing_else) {
  const FpMode before = fp_mode();
  for (FpMode mode : {kFlush, kUpwards, kFlush | kUpwards, kStandardFpMode}) {
    const FpScope scope(mode);
    CHECK(fp_mode() == mode);
    volatile float tiny = 1e-39f, large = 16777216.0f, one = 1.0f;
    CHECK((tiny * one == 0.0f) == ((mode & kFlush) != 0));
    CHECK((large + one == large) == ((mode & kUpwards) == 0));
  }
  CHECK(fp_mode() == before);
}

TEST(recorded_ops_run_in_the_mode_of_their_call) {
  set_compiler(&compile_noting);
  Queue& queue = new_queue();
  forget();
  {
    Call plain(queue, Op::lgamma);
    set_fp_mode(kFlush);
    CHECK(in_standard == 0);
    Call flushed(queue, Op::digamma);         // ends the window of the other mode
    CHECK(in_standard == 1 && in_flush == 0);
    set_fp_mode(kStandardFpMode);
    queue.stream().flush(Reason::Read);
    CHECK(in_standard == 1 && in_flush == 1 && compiled_in_standard);
    CHECK(fp_mode() == kStandardFpMode);
    std::thread([&] {                           // another thread has a mode of its own
      set_fp_mode(kFlush);
      Call other(queue, Op::digamma);
      Call again(queue, Op::digamma);         // nothing changed: one window
    }).join();
    queue.stream().flush(Reason::Read);
    CHECK(in_standard == 1 && elsewhere == 0);
  }
  forget();
  set_fp_mode(kFlush);
  Call first(queue, Op::expm1);               // compiled while subnormal numbers are flushed
  queue.stream().flush(Reason::Read);
  CHECK(compiled_in_standard && fp_mode() == kFlush);
  set_fp_mode(kStandardFpMode);
}

TEST(workers_compute_in_the_mode_of_the_caller) {
  set_num_threads(4);
  const auto body = [](void*, int) { note_mode(); };
  set_fp_mode(kFlush);                          // workers that start now inherit it
  forget();
  parallel_run(64, body, nullptr);
  CHECK(in_flush == 64 && in_standard == 0);
  set_fp_mode(kStandardFpMode);
  forget();
  parallel_run(64, body, nullptr);
  CHECK(in_standard == 64 && in_flush == 0 && elsewhere == 0);
  set_num_threads(0);
}

#else
}  // namespace
#endif
