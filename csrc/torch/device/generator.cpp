#include "torch/device/generator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/GeneratorImpl.h>

#include <cstring>
#include <deque>
#include <mutex>

#include "runtime/graph/capture.h"
#include "torch/device/device.h"
#include "torch/torch_version.h"

namespace hologram {
namespace {

constexpr size_t kStateBytes = 2 * sizeof(uint64_t);

class PhiloxGenerator final : public c10::GeneratorImpl {
 public:
  explicit PhiloxGenerator(c10::DeviceIndex device)
      : GeneratorImpl(c10::Device(kDeviceType, device), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)) {}

  static c10::DeviceType device_type() { return kDeviceType; }

  void set_current_seed(uint64_t seed) override { seed_ = seed; offset_ = 0; }
  uint64_t current_seed() const override { return seed_; }
  uint64_t seed() override {
    set_current_seed(c10::detail::getNonDeterministicRandom());
    return seed_;
  }
  void set_offset(uint64_t offset) override { offset_ = offset; }
  uint64_t get_offset() const override { return offset_; }

  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    at::Tensor state = at::empty({static_cast<int64_t>(kStateBytes)}, at::TensorOptions().dtype(at::kByte).device(at::kCPU));
    auto* bytes = state.mutable_data_ptr<uint8_t>();
    std::memcpy(bytes, &seed_, sizeof(seed_));
    std::memcpy(bytes + sizeof(seed_), &offset_, sizeof(offset_));
    return state.getIntrusivePtr();
  }

  void set_state(const c10::TensorImpl& state) override {
    TORCH_CHECK_TYPE(state.dtype() == caffe2::TypeMeta::Make<uint8_t>() && state.device_type() == at::kCPU &&
                         state.layout() == at::kStrided,
                     "RNG state must be a torch.ByteTensor");
    TORCH_CHECK(state.numel() == static_cast<int64_t>(kStateBytes) && state.is_contiguous(),
                "hologram.set_rng_state: the state has ", state.numel(), " bytes where ", kStateBytes,
                " contiguous ones are expected. Pass what torch.hologram.get_rng_state() returned.");
    const auto* bytes = static_cast<const uint8_t*>(state.data());
    std::memcpy(&seed_, bytes, sizeof(seed_));
    std::memcpy(&offset_, bytes + sizeof(seed_), sizeof(offset_));
  }

#if HOLOGRAM_TORCH_AT_LEAST(2, 14)
  /// torch counts the offset in words of 32 bits, four to a counter: the counters that follow from it are those reserved here. It
  /// holds the generator's mutex when it calls this.
  void philox_state(uint64_t increment, at::Tensor& seed, at::Tensor& offset, at::Tensor& intragraph_offset) override {
    const PhiloxRange range = advance(increment / 4 + (increment % 4 != 0));
    const auto as_tensor = [](uint64_t bits) {
      return at::full({1}, static_cast<int64_t>(bits), at::dtype(at::kLong).device(at::kCPU));
    };
    seed = as_tensor(range.seed);
    offset = as_tensor(range.offset * 4);
    intragraph_offset = as_tensor(0);
  }
#endif

  PhiloxRange reserve(uint64_t count) {
    std::lock_guard<std::mutex> lock(mutex_);
    return advance(count);
  }

 private:
  PhiloxRange advance(uint64_t count) {   // under the mutex
    const PhiloxRange range{seed_, offset_};
    offset_ += count;
    return range;
  }

  PhiloxGenerator* clone_impl() const override {
    auto* copy = new PhiloxGenerator(device().index());
    copy->seed_ = seed_;
    copy->offset_ = offset_;
    return copy;
  }

  uint64_t seed_ = c10::default_rng_seed_val;
  uint64_t offset_ = 0;
};

}  // namespace

at::Generator new_generator(c10::DeviceIndex device) {
  return at::make_generator<PhiloxGenerator>(checked_device_index(device));
}

const at::Generator& default_generator(c10::DeviceIndex device) {
  // A deque never moves its elements: references handed out stay valid. Never destroyed: Python may hold
  // generators beyond the end of main.
  static auto& generators = *new std::deque<at::Generator>;
  static std::mutex mutex;
  const c10::DeviceIndex index = checked_device_index(device);
  std::lock_guard<std::mutex> lock(mutex);
  while (generators.size() <= static_cast<size_t>(index)) {
    generators.push_back(at::make_generator<PhiloxGenerator>(static_cast<c10::DeviceIndex>(generators.size())));
  }
  return generators[index];
}

void check_generator_device(const at::Tensor& t) {
  TORCH_CHECK(t.device().type() == kDeviceType, "Expected a '", c10::DeviceTypeName(t.device().type(), true),
              "' device type for generator but found '", c10::DeviceTypeName(kDeviceType, true), "'");
}

namespace {
thread_local PhiloxRange* replayed = nullptr;
}  // namespace

ReplayedPhilox::ReplayedPhilox(PhiloxRange range) : range_(range), before_(replayed) { replayed = &range_; }
ReplayedPhilox::~ReplayedPhilox() { replayed = before_; }

PhiloxRange reserve_philox(const std::optional<at::Generator>& generator, uint64_t count, c10::DeviceIndex device) {
  if (C10_UNLIKELY(replayed != nullptr)) {
    const PhiloxRange range = *replayed;
    replayed->offset += count;
    return range;
  }
  const bool given = generator.has_value() && generator->defined();
  const PhiloxRange range = at::check_generator<PhiloxGenerator>(given ? *generator : default_generator(device))->reserve(count);
  if (capturing())
    if (Capture* const capture = Capture::current()) {
      if (given && !(*generator == default_generator(device)))
        capture->refuse("it draws from a generator of its own. Use the default generator");
      capture->drew(range.seed, range.offset, count);
    }
  return range;
}

void give_back_philox(const PhiloxRange& range) {
  at::Generator generator = default_generator();
  const std::lock_guard<std::mutex> hold(generator.mutex());
  generator.unsafeGetGeneratorImpl()->set_offset(range.offset);
}

}  // namespace hologram
