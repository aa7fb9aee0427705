// The random generator of the device: Philox, counter based.
//
// The whole state is 16 bytes: a seed and an offset. A random kernel reserves a range of counters and computes each
// number from (seed, offset, element index) alone, so that results do not depend on threads or on fusion. DTensor and
// fork_rng rely on exactly this layout: seed first, offset second, both 64-bit little endian.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>
#include <c10/core/GeneratorImpl.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace hologram {

struct PhiloxRange {
  uint64_t seed;
  uint64_t offset;
};

/// What generators share that were given one another's state (graphsafe_set_state).
class PhiloxState {
 public:
  PhiloxRange get() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return range_;
  }
  void set(PhiloxRange range) {
    std::lock_guard<std::mutex> lock(mutex_);
    range_ = range;
  }
  PhiloxRange reserve(uint64_t count) {
    std::lock_guard<std::mutex> lock(mutex_);
    const PhiloxRange before = range_;
    range_.offset += count;
    return before;
  }

 private:
  mutable std::mutex mutex_;
  PhiloxRange range_{c10::default_rng_seed_val, 0};
};

/// The state of a generator of the device, which it may exchange for another one.
std::shared_ptr<PhiloxState> philox_state_of(const at::Generator& generator);

/// Reserves `count` counters of `generator` (of the default generator of `device` when empty; -1: the current one) and returns
/// the seed and the first counter. Thread-safe. A generator of another device raises torch's own message.
PhiloxRange reserve_philox(const std::optional<at::Generator>& generator, uint64_t count, c10::DeviceIndex device = -1);

/// Undoes the reservation of `range` from the default generator of the current device, which was its last.
void give_back_philox(const PhiloxRange& range);

/// While alive, this thread's reservations come out of `range`: a graph that runs again has reserved what its calls draw.
class ReplayedPhilox {
 public:
  explicit ReplayedPhilox(PhiloxRange range);
  ~ReplayedPhilox();
  ReplayedPhilox(const ReplayedPhilox&) = delete;

 private:
  PhiloxRange range_;
  PhiloxRange* before_;
};

/// Raises torch's own message when a generator of the device comes with a tensor of another one.
void check_generator_device(const at::Tensor& t);

/// The generator that random ops use when none is given; -1 means the current device.
const at::Generator& default_generator(c10::DeviceIndex device = -1);
/// A fresh generator with torch's default seed; -1 means the current device.
at::Generator new_generator(c10::DeviceIndex device = -1);

}  // namespace hologram
