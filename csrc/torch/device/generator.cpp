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

constexpr size_t kStateBytes = sizeof(PhiloxRange);
static_assert(kStateBytes == 2 * sizeof(uint64_t));

class PhiloxGenerator final : public c10::GeneratorImpl {
 public:
  explicit PhiloxGenerator(c10::DeviceIndex device, std::shared_ptr<PhiloxState> state = std::make_shared<PhiloxState>())
      : GeneratorImpl(c10::Device(kDeviceType, device), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)),
        state_(std::move(state)) {}

  static c10::DeviceType device_type() { return kDeviceType; }

  void set_current_seed(uint64_t seed) override { set({seed, 0}); }
  uint64_t current_seed() const override { return state_->get().seed; }
  uint64_t seed() override {
    set_current_seed(c10::detail::getNonDeterministicRandom());
    return current_seed();
  }
  void set_offset(uint64_t offset) override { set({current_seed(), offset}); }
  uint64_t get_offset() const override { return state_->get().offset; }

  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    at::Tensor state = at::empty({static_cast<int64_t>(kStateBytes)}, at::TensorOptions().dtype(at::kByte).device(at::kCPU));
    const PhiloxRange now = state_->get();
    std::memcpy(state.mutable_data_ptr<uint8_t>(), &now, kStateBytes);
    return state.getIntrusivePtr();
  }

  void set_state(const c10::TensorImpl& state) override {
    TORCH_CHECK_TYPE(state.dtype() == caffe2::TypeMeta::Make<uint8_t>() && state.device_type() == at::kCPU &&
                         state.layout() == at::kStrided,
                     "RNG state must be a torch.ByteTensor");
    TORCH_CHECK(state.numel() == static_cast<int64_t>(kStateBytes) && state.is_contiguous(),
                "hologram.set_rng_state: the state has ", state.numel(), " bytes where ", kStateBytes,
                " contiguous ones are expected. Pass what torch.hologram.get_rng_state() returned.");
    PhiloxRange range;
    std::memcpy(&range, state.data(), kStateBytes);
    set(range);
  }

  c10::intrusive_ptr<c10::GeneratorImpl> graphsafe_get_state() const override {
    return c10::make_intrusive<PhiloxGenerator>(device().index(), state_);
  }
  /// From now on both draw from one state.
  void graphsafe_set_state(const c10::intrusive_ptr<c10::GeneratorImpl>& other) override {
    const auto* generator = dynamic_cast<const PhiloxGenerator*>(other.get());
    TORCH_CHECK(generator,
                "hologram.graphsafe_set_state: the state is that of a generator of another device. Pass what "
                "graphsafe_get_state() of a generator of the device returned.");
    if (capturing())
      if (Capture* const capture = Capture::current())
        capture->stop("it gives a generator the state of another one. Do that before");
    state_ = generator->state_;
  }

#if HOLOGRAM_TORCH_AT_LEAST(2, 14)
  /// torch counts the offset in words of 32 bits, four to a counter: the counters that follow from it are those reserved here.
  void philox_state(uint64_t increment, at::Tensor& seed, at::Tensor& offset, at::Tensor& intragraph_offset) override {
    const PhiloxRange range = state_->reserve(increment / 4 + (increment % 4 != 0));
    const auto as_tensor = [](uint64_t bits) {
      return at::full({1}, static_cast<int64_t>(bits), at::dtype(at::kLong).device(at::kCPU));
    };
    seed = as_tensor(range.seed);
    offset = as_tensor(range.offset * 4);
    intragraph_offset = as_tensor(0);
  }
#endif

  const std::shared_ptr<PhiloxState>& state() const { return state_; }
  /// Its number in a graph that is captured; -1: it is not known there.
  int source_in(const Capture& capture) const;

 private:
  void set(PhiloxRange range);
  PhiloxGenerator* clone_impl() const override {
    auto copy = std::make_shared<PhiloxState>();
    copy->set(state_->get());
    return new PhiloxGenerator(device().index(), std::move(copy));
  }

  std::shared_ptr<PhiloxState> state_;
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

int PhiloxGenerator::source_in(const Capture& capture) const {
  return state_ == philox_state_of(default_generator(device().index())) ? 0 : capture.source_of(state_.get());
}

/// A graph's numbers are counted from where its generators stand when it begins: they may be set back to where they stood since then
/// (checkpointing does that), and nowhere else.
void PhiloxGenerator::set(PhiloxRange range) {
  if (capturing())
    if (Capture* const capture = Capture::current()) {
      const PhiloxRange now = state_->get();
      const int source = source_in(*capture);
      if (source >= 0 && (now.seed != range.seed || now.offset != range.offset) &&
          !capture->moved(source, range.seed, range.offset))
        capture->stop("it sets the seed or the state of a generator. Do that before");
    }
  state_->set(range);
}

std::shared_ptr<PhiloxState> philox_state_of(const at::Generator& generator) {
  return at::check_generator<PhiloxGenerator>(generator)->state();
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
  const auto& from = *at::check_generator<PhiloxGenerator>(given ? *generator : default_generator(device));
  const PhiloxRange range = from.state()->reserve(count);
  if (capturing())
    if (Capture* const capture = Capture::current()) {
      const int source = from.source_in(*capture);
      if (source < 0)
        capture->stop(
            capture->is_fixed()
                ? "it draws from a generator that is not registered. Call graph.register_generator_state(generator) before"
                : "it draws from a generator of its own. Use the default generator");
      else capture->drew(range.seed, range.offset, count, source);
    }
  return range;
}

void give_back_philox(const PhiloxRange& range) {
  at::Generator generator = default_generator();
  const std::lock_guard<std::mutex> hold(generator.mutex());
  generator.unsafeGetGeneratorImpl()->set_offset(range.offset);
}

}  // namespace hologram
