// How this thread's processor computes with floats, as far as a program can set it: subnormal numbers taken for zero
// (torch.set_flush_denormal) and the direction of rounding (fesetround). Each thread has its own.
//
// An op computes in the mode of the thread that called it, whichever thread runs it and however late: a window holds ops of one mode
// (Recorder), and a launch takes its mode along to the threads that share it (parallel_run). Reading the mode costs a
// nanosecond; setting it costs more, and happens where it differs.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hologram {

using FpMode = uint32_t;
constexpr FpMode kStandardFpMode = 0;   // subnormal numbers as they are, rounding to nearest

#if defined(__x86_64__)
constexpr FpMode kFpModeBits = 0x8000 | 0x0040 | 0x6000;   // MXCSR: flush to zero, denormals are zero, rounding
inline FpMode fp_mode() noexcept { return _mm_getcsr() & kFpModeBits; }
inline void set_fp_mode(FpMode mode) noexcept { _mm_setcsr((_mm_getcsr() & ~kFpModeBits) | mode); }
#elif defined(__aarch64__)
constexpr FpMode kFpModeBits = 1u << 24 | 1u << 19 | 3u << 22;   // FPCR: FZ, FZ16, RMode
inline uint64_t fpcr() noexcept {
  uint64_t value;
  asm volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}
inline FpMode fp_mode() noexcept { return static_cast<FpMode>(fpcr()) & kFpModeBits; }
inline void set_fp_mode(FpMode mode) noexcept {
  const uint64_t value = (fpcr() & ~uint64_t{kFpModeBits}) | mode;
  asm volatile("msr fpcr, %0" : : "r"(value));
}
#else
inline FpMode fp_mode() noexcept { return kStandardFpMode; }
inline void set_fp_mode(FpMode) noexcept {}
#endif

/// While alive, this thread computes in `mode`.
class FpScope {
 public:
  explicit FpScope(FpMode mode) : before_(fp_mode()), differs_(before_ != mode) {
    if (__builtin_expect(differs_, 0)) set_fp_mode(mode);
  }
  ~FpScope() {
    if (__builtin_expect(differs_, 0)) set_fp_mode(before_);
  }
  FpScope(const FpScope&) = delete;
  FpScope& operator=(const FpScope&) = delete;

 private:
  const FpMode before_;
  const bool differs_;
};

}  // namespace hologram
