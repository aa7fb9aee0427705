#include "runtime/backends/metal/commands.h"

#include <cstring>

#include "runtime/base/error.h"

namespace hologram::metal {
namespace {

UInt status_of(Id buffer) { return send<UInt>(buffer, sel().status); }
bool is_done(Id buffer) { return status_of(buffer) >= kStatusCompleted; }

std::string at(const Device& device) { return "hologram.metal: device " + std::to_string(device.index()); }

}  // namespace

bool Mark::done() const { return !buffer || is_done(buffer.get()); }

Commands::Commands(Device& device) : device_(device), addresses_(device.buffers()) {
  const Pool pool;
  queue_ = Owned(send<Id>(device.handle(), sel().new_queue));
  if (!queue_) fail(Error::Kind::Runtime, at(device), ": Metal makes no command queue.");
}

// ---- encoding ----

Id Commands::buffer() {
  if (buffer_) return buffer_.get();
  buffer_ = Owned(retain(send<Id>(queue_.get(), sel().command_buffer)));
  if (!buffer_) fail(Error::Kind::Runtime, at(device_), ": Metal makes no command buffer.");
  busy_.store(true, std::memory_order_release);
  dispatches_ = 0;
  return buffer_.get();
}

void Commands::begin(Kind kind) {
  if (kind_ == kind) return;
  end();
  encoder_ = Owned(retain(send<Id>(buffer(), kind == Kind::Compute ? sel().compute_encoder : sel().blit_encoder)));
  if (!encoder_) fail(Error::Kind::Runtime, at(device_), ": Metal makes no encoder.");
  kind_ = kind;
  ++encoder_number_;
}

void Commands::end() {
  if (kind_ == Kind::None) return;
  send<void>(encoder_.get(), sel().end_encoding);
  encoder_ = Owned();
  kind_ = Kind::None;
  kernel_ = nullptr;
}

void Commands::commit() {
  if (!buffer_) return;
  end();
  send<void>(buffer_.get(), sel().commit);
  in_flight_.push_back(std::move(buffer_));
  if (in_flight_.size() < kMaxInFlight) return;
  send<void>(in_flight_.front().get(), sel().wait);
  retire(false);
}

void Commands::retire(bool all) {
  while (!in_flight_.empty()) {
    const Id oldest = in_flight_.front().get();
    if (all) send<void>(oldest, sel().wait);
    const UInt status = status_of(oldest);
    if (status < kStatusCompleted) return;
    if (status == kStatusError)
      device_.lose("a command buffer failed: " + describe(send<Id>(oldest, sel().error), "Metal gives no reason"));
    in_flight_.pop_front();
  }
  if (buffer_) return;
  ring_next_ = 0;
  busy_.store(false, std::memory_order_release);
}

size_t Commands::take_ring(size_t bytes) {
  if (!ring_) {
    ring_ = Owned(send<Id>(device_.handle(), sel().new_buffer, UInt{kRingBytes}, UInt{kStorageModeShared}));
    if (!ring_) fail(Error::Kind::OutOfMemory, at(device_), ": out of memory for the arguments of kernels. Free tensors.");
    ring_data_ = send<char*>(ring_.get(), sel().contents);
  }
  bytes = (bytes + kRingAlignment - 1) / kRingAlignment * kRingAlignment;
  if (ring_next_ + bytes > kRingBytes) {
    commit();
    retire(true);
    device_.check_usable();
  }
  const size_t offset = ring_next_;
  ring_next_ += bytes;
  return offset;
}

/// The address for kernels, known to the encoder.
uint64_t Commands::on_device(const void* address, int operand) {
  if (!address) return 0;
  Range* range = addresses_.find(address);
  if (!range)
    fail(Error::Kind::Runtime, at(device_), ": operand ", operand, " of a kernel lies at ", address, ", which is no memory of the "
         "device. Copy it to the device.");
  if (range->declared != encoder_number_) {
    send<void>(encoder_.get(), sel().use_resource, range->buffer, UInt{kUsageReadWrite});
    range->declared = encoder_number_;
  }
  return range->gpu + static_cast<uint64_t>(static_cast<const char*>(address) - range->base);
}

void Commands::write_record(const MetalKernel& kernel, int64_t* to, const Launch& launch) {
  *to++ = 0;
  *to++ = launch.items;
  for (int i = 0; i < kernel.operands; ++i) *to++ = static_cast<int64_t>(on_device(launch.operands[i], i));
  std::memcpy(to, launch.args, static_cast<size_t>(kernel.args) * sizeof(int64_t));
}

void Commands::launch(const MetalKernel& kernel, const Launch* launches, int count, unsigned blocks) {
  device_.check_usable();
  const Pool pool;
  std::lock_guard<std::mutex> hold(lock_);
  const auto words = static_cast<size_t>(kernel.words());
  const size_t bytes = words * sizeof(int64_t) * static_cast<size_t>(count);
  const bool inlined = bytes <= kInline;
  const size_t offset = inlined ? 0 : take_ring(bytes);   // before the encoder: it may commit
  begin(Kind::Compute);
  int64_t on_stack[kInline / sizeof(int64_t)];
  int64_t* const records = inlined ? on_stack : reinterpret_cast<int64_t*>(ring_data_ + offset);
  for (int i = 0; i < count; ++i) write_record(kernel, records + static_cast<size_t>(i) * words, launches[i]);
  if (kernel_ != &kernel) send<void>(encoder_.get(), sel().set_pipeline, kernel.pipeline.get());
  kernel_ = &kernel;
  if (inlined) send<void>(encoder_.get(), sel().set_bytes, static_cast<const void*>(records), UInt{bytes}, UInt{0});
  else send<void>(encoder_.get(), sel().set_buffer, ring_.get(), UInt{offset}, UInt{0});
  send<void>(encoder_.get(), sel().dispatch, Size{blocks, static_cast<UInt>(count), 1}, Size{kernel.threads, 1, 1});
  if (++dispatches_ >= kMaxDispatches) commit();
}

// ---- copies ----

bool Commands::blit(Id from, size_t from_offset, Range& to, const void* dst, size_t bytes) {
  const auto to_offset = static_cast<size_t>(static_cast<const char*>(dst) - to.base);
  begin(Kind::Blit);
  send<void>(encoder_.get(), sel().copy_buffer, from, UInt{from_offset}, to.buffer, UInt{to_offset}, UInt{bytes});
  if (++dispatches_ >= kMaxDispatches) commit();
  return true;
}

bool Commands::copy(void* dst, const void* src, size_t bytes) {
  device_.check_usable();
  if ((reinterpret_cast<uintptr_t>(dst) | reinterpret_cast<uintptr_t>(src) | bytes) % 4) return false;
  const Pool pool;
  std::lock_guard<std::mutex> hold(lock_);
  const Range* source = addresses_.find(src);
  if (!source) return false;
  const Range from = *source;
  Range* to = addresses_.find(dst);
  return to && blit(from.buffer, static_cast<size_t>(static_cast<const char*>(src) - from.base), *to, dst, bytes);
}

bool Commands::copy_staged(void* dst, const void* src, size_t bytes) {
  device_.check_usable();
  if ((reinterpret_cast<uintptr_t>(dst) | bytes) % 4 || bytes > kRingBytes / 2) return false;
  const Pool pool;
  std::lock_guard<std::mutex> hold(lock_);
  Range* to = addresses_.find(dst);
  if (!to) return false;
  const size_t offset = take_ring(bytes);
  std::memcpy(ring_data_ + offset, src, bytes);
  return blit(ring_.get(), offset, *to, dst, bytes);
}

// ---- time ----

void Commands::signal(Id command_buffer, Mark& mark) {
  if (!mark.event) mark.event = Owned(send<Id>(device_.handle(), sel().new_event));
  if (!mark.event) fail(Error::Kind::Runtime, at(device_), ": Metal makes no event.");
  send<void>(command_buffer, sel().signal_event, mark.event.get(), ++mark.value);
}

void Commands::record(Mark& mark) {
  device_.check_usable();
  const Pool pool;
  std::lock_guard<std::mutex> hold(lock_);
  end();
  const Id filled = buffer();
  signal(filled, mark);
  mark.buffer = Owned(retain(filled));
  commit();
}

void Commands::wait_for(const Mark& mark) {
  device_.check_usable();
  const Pool pool;
  std::lock_guard<std::mutex> hold(lock_);
  end();
  send<void>(buffer(), sel().wait_event, mark.event.get(), mark.value);
}

void Commands::wait_for(Id foreign, Mark& mark) {
  {
    const Pool pool;
    std::lock_guard<std::mutex> hold(lock_);
    signal(foreign, mark);
  }
  wait_for(mark);
}

void Commands::wait() {
  if (busy()) {
    if (Device::opened_before_fork()) device_.check_usable();
    const Pool pool;
    Owned last;
    {
      std::lock_guard<std::mutex> hold(lock_);
      commit();
      if (!in_flight_.empty()) last = Owned(retain(in_flight_.back().get()));
    }
    if (last) send<void>(last.get(), sel().wait);   // others may go on encoding
    std::lock_guard<std::mutex> hold(lock_);
    retire(false);
  }
  device_.check_usable();
}

void Commands::wait(const Mark& mark) {
  device_.check_usable();
  if (!mark.buffer) return;
  const Pool pool;
  send<void>(mark.buffer.get(), sel().wait);
  std::lock_guard<std::mutex> hold(lock_);
  retire(false);
  device_.check_usable();
}

bool Commands::idle() {
  device_.check_usable();
  if (!busy()) return true;
  const Pool pool;
  std::lock_guard<std::mutex> hold(lock_);
  commit();
  retire(false);
  device_.check_usable();
  return !busy();
}

}  // namespace hologram::metal
