// A CUDA driver without a GPU, for tests: the entry points that hologram calls, over host memory.
//
//  * Device addresses lie in pages nobody may touch: a host that dereferences one faults, and is told so. The bytes live in a
//    shadow at a fixed distance.
//  * Work is lazy: copies, kernels and events wait in their stream until something waits for them, so that a missing
//    synchronization shows as stale data. Asking (query) makes one step of progress.
//  * Kernels: hologram's PTX names the key of its circuit in a comment; the CPU backend compiles the same key, and that runs.
//    Its operands must lie in live memory of the kernel's own device.
//  * Every call is counted, calls can be made to fail, and what is still held can be asked for (fake_* below).
//
// FAKE_CUDA_DEVICES, FAKE_CUDA_VERSION, FAKE_CUDA_INIT (what cuInit returns), FAKE_CUDA_MEMORY (bytes per device), FAKE_CUDA_FAIL
// (name:nth:result, as fake_fail takes them).
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "driver.h"

using Result = int;
using fake::Address;
using fake::KernelFn;
using fake::setting;

namespace {

enum : Result { kOk = 0, kInvalid = 1, kNoMemory = 2, kUninitialized = 3, kBadPtx = 218, kBadContext = 201, kBadDevice = 101,
                kBadHandle = 400, kIllegalAddress = 700, kNotFound = 500, kNotReady = 600 };

struct Stream;
struct Mark { bool done = false; Stream* stream = nullptr; std::chrono::steady_clock::time_point at; };
struct Stream {
  int device = 0;
  std::deque<std::function<void()>> work;
  std::shared_ptr<Mark> waits;       // the work behind this mark runs first
};
struct Event { int device = 0; bool timed = true; std::shared_ptr<Mark> mark; };
struct Context { int device = 0; int retained = 0; Stream stream; std::set<Stream*> streams; Result lost = kOk; };
struct Module { std::string text; KernelFn fn = nullptr; int operands = 0; int device = 0; };
struct Function { Module* module; bool many; int words; };
struct Allocation { size_t bytes; int device; };

std::recursive_mutex lock_;
using Lock = std::lock_guard<std::recursive_mutex>;
fake::Memory device_memory("CUDA", 256);
std::map<Address, Allocation> allocations;
std::map<const char*, size_t> pinned;
std::set<Event*> events;
std::set<Module*> modules;
std::vector<std::unique_ptr<Context>> contexts;
fake::Calls calls;
bool initialized = false;
thread_local std::vector<Context*> current;

int devices() { return static_cast<int>(setting("FAKE_CUDA_DEVICES", 2)); }
size_t memory() { return static_cast<size_t>(setting("FAKE_CUDA_MEMORY", long(8) << 30)); }

bool in_region(const void* p) { return device_memory.holds(p); }
char* shadow(Address a) { return device_memory.shadow(a); }
const Allocation* live(Address a, size_t bytes, Address* start = nullptr) { return fake::live(allocations, a, bytes, start); }

/// Counts a call; the failure that was ordered for it, or the one that the device has been lost to.
Result enter(const char* name, bool needs_context = true) {
  const Result result = calls.enter(name);
  if (!initialized && needs_context) return kUninitialized;
  if (!needs_context) return result;
  if (current.empty()) return kBadContext;
  Context& c = *current.back();
  if (result >= 700 && result < 800) c.lost = result;
  return c.lost ? c.lost : result;
}
#define ENTER(...)                                \
  Lock hold(lock_);                                           \
  if (const Result r = enter(__func__ __VA_OPT__(,) __VA_ARGS__)) return r

Stream* stream_of(void* handle) {
  Context& c = *current.back();
  if (!handle) return &c.stream;
  auto* s = static_cast<Stream*>(handle);
  return c.streams.count(s) ? s : nullptr;
}

void step(Stream& s);
void run(Stream& s) { while (!s.work.empty()) step(s); }
void finish(Mark& mark) { while (!mark.done && mark.stream) step(*mark.stream); }
void step(Stream& s) {
  if (s.work.empty()) return;
  auto work = std::move(s.work.front());
  s.work.pop_front();
  work();
}
void run_device(Context& c) {
  run(c.stream);
  for (Stream* s : c.streams) run(*s);
}

bool is_pinned(const void* p) {
  auto after = pinned.upper_bound(static_cast<const char*>(p));
  if (after == pinned.begin()) return false;
  --after;
  return static_cast<const char*>(p) < after->first + after->second;
}

// ---- kernels ----

void run_record(Context& c, const Function& f, const int64_t* record) {
  void* operands[64];
  for (int i = 0; i < f.module->operands; ++i) {
    const auto a = static_cast<Address>(record[2 + i]);
    const Allocation* memory = a ? live(a, 0) : nullptr;
    if (a && (!memory || memory->device != c.device)) {
      std::fprintf(stderr, "fake CUDA: operand %d of a kernel lies at %#llx, which is no memory of device %d\n", i, a, c.device);
      c.lost = kIllegalAddress;
      return;
    }
    operands[i] = a ? shadow(a) : nullptr;
  }
  f.module->fn(operands, record + 2 + f.module->operands, record[0], record[1]);
}

/// Orders the failure that the environment asks for.
void take_failure() {
  const std::string text = std::getenv("FAKE_CUDA_FAIL") ? std::getenv("FAKE_CUDA_FAIL") : "";
  const size_t first = text.find(':'), second = text.find(':', first + 1);
  if (second == std::string::npos) return;
  calls.fail(text.substr(0, first).c_str(), std::atol(text.c_str() + first + 1), std::atoi(text.c_str() + second + 1));
}

}  // namespace

extern "C" {

// ---- the driver ----

Result cuInit(unsigned) {
  ENTER(false);
  if (const long result = setting("FAKE_CUDA_INIT", 0)) return static_cast<Result>(result);
  if (!initialized)
    for (int i = 0; i < devices(); ++i) {
      contexts.push_back(std::make_unique<Context>());
      contexts.back()->device = contexts.back()->stream.device = i;
    }
  if (!initialized) take_failure();
  initialized = true;
  device_memory.open();
  return kOk;
}
Result cuDriverGetVersion(int* version) { *version = static_cast<int>(setting("FAKE_CUDA_VERSION", 12040)); return kOk; }
Result cuGetErrorName(Result r, const char** name) {
  static const std::map<Result, const char*> names = {
      {0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {3, "CUDA_ERROR_NOT_INITIALIZED"},
      {100, "CUDA_ERROR_NO_DEVICE"}, {101, "CUDA_ERROR_INVALID_DEVICE"}, {201, "CUDA_ERROR_INVALID_CONTEXT"}, {218, "CUDA_ERROR_INVALID_PTX"},
      {400, "CUDA_ERROR_INVALID_HANDLE"}, {500, "CUDA_ERROR_NOT_FOUND"}, {600, "CUDA_ERROR_NOT_READY"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {719, "CUDA_ERROR_LAUNCH_FAILED"}, {802, "CUDA_ERROR_SYSTEM_NOT_READY"}};
  const auto found = names.find(r);
  *name = found == names.end() ? nullptr : found->second;
  return *name ? kOk : kInvalid;
}
Result cuGetErrorString(Result, const char** text) { *text = "as the test ordered"; return kOk; }
Result cuDeviceGetCount(int* count) { ENTER(false); *count = devices(); return kOk; }
Result cuDeviceGet(int* device, int index) {
  ENTER(false);
  if (index < 0 || index >= devices()) return kBadDevice;
  *device = index;
  return kOk;
}
Result cuDeviceGetName(char* name, int bytes, int device) {
  ENTER(false);
  std::snprintf(name, static_cast<size_t>(bytes), "Fake GPU %d", device);
  return kOk;
}
Result cuDeviceGetAttribute(int* value, int attribute, int) {
  ENTER(false);
  switch (attribute) {
    case 16: *value = 4; break;         // multiprocessors
    case 39: *value = 2048; break;      // threads of each
    case 75: *value = 9; break;         // compute capability 9.0
    case 76: *value = 0; break;
    default: return kInvalid;
  }
  return kOk;
}
Result cuDeviceTotalMem_v2(size_t* bytes, int) { ENTER(false); *bytes = memory(); return kOk; }
Result cuDevicePrimaryCtxRetain(void** context, int device) {
  ENTER(false);
  ++contexts[static_cast<size_t>(device)]->retained;
  *context = contexts[static_cast<size_t>(device)].get();
  return kOk;
}
Result cuCtxGetCurrent(void** context) { *context = current.empty() ? nullptr : current.back(); return kOk; }
Result cuCtxPushCurrent_v2(void* context) { current.push_back(static_cast<Context*>(context)); return kOk; }
Result cuCtxPopCurrent_v2(void** context) {
  if (current.empty()) return kBadContext;
  *context = current.back();
  current.pop_back();
  return kOk;
}
Result cuCtxSynchronize() {
  ENTER();
  run_device(*current.back());
  return current.back()->lost;
}

// ---- memory ----

Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  ENTER();
  size_t used = 0;
  for (auto& [a, block] : allocations) used += block.device == current.back()->device ? block.bytes : 0;
  *total = memory();
  *free = *total - used;
  return kOk;
}
Result cuMemAlloc_v2(Address* address, size_t bytes) {
  ENTER();
  if (!bytes) return kInvalid;
  size_t used = 0;
  for (auto& [a, block] : allocations) used += block.device == current.back()->device ? block.bytes : 0;
  if (bytes > memory() - used) return kNoMemory;
  const Address a = device_memory.place(allocations, bytes);
  if (!a) return kNoMemory;
  allocations[a] = {bytes, current.back()->device};
  *address = a;
  return kOk;
}
Result cuMemFree_v2(Address a) {
  ENTER();
  auto found = allocations.find(a);
  if (found == allocations.end()) return kInvalid;
  run_device(*contexts[static_cast<size_t>(found->second.device)]);
  device_memory.forget(a, found->second.bytes);
  allocations.erase(found);
  return kOk;
}
Result cuMemHostAlloc(void** data, size_t bytes, unsigned) {
  ENTER();
  if (posix_memalign(data, 4096, bytes)) return kNoMemory;
  pinned[static_cast<char*>(*data)] = bytes;
  return kOk;
}
Result cuMemFreeHost(void* data) {
  ENTER();
  if (!pinned.erase(static_cast<char*>(data))) return kInvalid;
  for (auto& c : contexts) run_device(*c);
  std::free(data);
  return kOk;
}

Result cuMemcpyHtoDAsync_v2(Address dst, const void* src, size_t bytes, void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  if (!s) return kBadHandle;
  if (!live(dst, bytes) || in_region(src)) return kInvalid;
  if (is_pinned(src)) {
    s->work.push_back([=] { std::memcpy(shadow(dst), src, bytes); });
    return kOk;
  }
  auto staged = std::make_shared<std::vector<char>>(static_cast<const char*>(src), static_cast<const char*>(src) + bytes);
  s->work.push_back([=] { std::memcpy(shadow(dst), staged->data(), bytes); });
  return kOk;
}
Result cuMemcpyDtoHAsync_v2(void* dst, Address src, size_t bytes, void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  if (!s) return kBadHandle;
  if (!live(src, bytes) || in_region(dst)) return kInvalid;
  s->work.push_back([=] { std::memcpy(dst, shadow(src), bytes); });
  if (!is_pinned(dst)) run(*s);
  return current.back()->lost;
}
Result cuMemcpyDtoDAsync_v2(Address dst, Address src, size_t bytes, void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  if (!s) return kBadHandle;
  const Allocation *to = live(dst, bytes), *from = live(src, bytes);
  if (!to || !from || to->device != from->device || to->device != current.back()->device) return kInvalid;
  s->work.push_back([=] { std::memmove(shadow(dst), shadow(src), bytes); });
  return kOk;
}
Result cuMemcpyPeerAsync(Address dst, void* to, Address src, void* from, size_t bytes, void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  if (!s) return kBadHandle;
  const Allocation *target = live(dst, bytes), *source = live(src, bytes);
  if (!target || !source || target->device != static_cast<Context*>(to)->device || source->device != static_cast<Context*>(from)->device)
    return kInvalid;
  s->work.push_back([=] { std::memmove(shadow(dst), shadow(src), bytes); });
  return kOk;
}

// ---- streams and events ----

Result cuStreamCreate(void** stream, unsigned) {
  ENTER();
  auto* s = new Stream;
  s->device = current.back()->device;
  current.back()->streams.insert(s);
  *stream = s;
  return kOk;
}
Result cuStreamSynchronize(void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  if (!s) return kBadHandle;
  run(*s);
  return current.back()->lost;
}
Result cuStreamQuery(void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  if (!s) return kBadHandle;
  const bool busy = !s->work.empty();
  step(*s);
  return current.back()->lost ? current.back()->lost : busy ? kNotReady : kOk;
}
Result cuStreamWaitEvent(void* handle, void* event, unsigned) {
  ENTER();
  Stream* s = stream_of(handle);
  auto* e = static_cast<Event*>(event);
  if (!s || !events.count(e)) return kBadHandle;
  if (e->mark) s->work.push_back([mark = e->mark] { finish(*mark); });
  return kOk;
}
Result cuEventCreate(void** event, unsigned flags) {
  ENTER();
  auto* e = new Event;
  e->device = current.back()->device;
  e->timed = !(flags & 2);
  events.insert(e);
  *event = e;
  return kOk;
}
Result cuEventRecord(void* event, void* handle) {
  ENTER();
  Stream* s = stream_of(handle);
  auto* e = static_cast<Event*>(event);
  if (!s || !events.count(e) || e->device != current.back()->device) return kBadHandle;
  auto mark = std::make_shared<Mark>();
  mark->stream = s;
  e->mark = mark;
  s->work.push_back([mark] {
    mark->done = true;
    mark->at = std::chrono::steady_clock::now();
  });
  return kOk;
}
Result cuEventQuery(void* event) {
  ENTER();
  auto* e = static_cast<Event*>(event);
  if (!events.count(e)) return kBadHandle;
  if (!e->mark || e->mark->done) return kOk;
  step(*e->mark->stream);
  return kNotReady;
}
Result cuEventSynchronize(void* event) {
  ENTER();
  auto* e = static_cast<Event*>(event);
  if (!events.count(e)) return kBadHandle;
  if (e->mark) finish(*e->mark);
  return current.back()->lost;
}
Result cuEventElapsedTime(float* milliseconds, void* first, void* second) {
  ENTER();
  auto *a = static_cast<Event*>(first), *b = static_cast<Event*>(second);
  if (!events.count(a) || !events.count(b) || !a->timed || !b->timed || !a->mark || !b->mark) return kBadHandle;
  if (!a->mark->done || !b->mark->done) return kNotReady;
  *milliseconds = std::chrono::duration<float, std::milli>(b->mark->at - a->mark->at).count();
  return kOk;
}
Result cuEventDestroy_v2(void* event) {
  ENTER();
  auto* e = static_cast<Event*>(event);
  if (!events.erase(e)) return kBadHandle;
  delete e;
  return kOk;
}

// ---- modules ----

Result cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* options, void** values) {
  std::string text(static_cast<const char*>(image)), key;
  {
    ENTER();
    key = fake::key_in(text);
    if (key.empty()) {
      for (unsigned i = 0; i < count; ++i)
        if (options[i] == 5) std::strcpy(static_cast<char*>(values[i]), "ptxas fake: no key in the module\n");
      return kBadPtx;
    }
  }
  const KernelFn fn = fake::compile_on_cpu(key);   // takes Python's lock: ours must be free
  if (!fn) return kBadPtx;
  Lock hold(lock_);
  auto* m = new Module{std::move(text), fn, fake::operands_of(key), current.back()->device};
  modules.insert(m);
  *module = m;
  return kOk;
}
Result cuModuleGetFunction(void** function, void* module, const char* name) {
  ENTER();
  auto* m = static_cast<Module*>(module);
  if (!modules.count(m)) return kBadHandle;
  const std::string entry = std::string(".entry ") + name;
  const size_t at = m->text.find(entry);
  if (at == std::string::npos || std::isalnum(m->text[at + entry.size()]) || m->text[at + entry.size()] == '_') return kNotFound;
  const size_t length = std::strlen(name);
  *function = new Function{m, length > 5 && !std::strcmp(name + length - 5, "_many"), 0};   // as long as its module: for ever
  return kOk;
}
Result cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned, void* handle,
                      void** parameters, void**) {
  ENTER();
  Stream* s = stream_of(handle);
  const Function& f = *static_cast<Function*>(function);
  if (!s || f.module->device != current.back()->device) return kBadHandle;
  if (!gx || !gy || gy > 65535 || gz != 1 || !bx || bx * by * bz > 1024) return kInvalid;
  Context* c = current.back();
  if (!f.many) {
    // By value: how many words the kernel takes is in the module's facts.
    const int words = fake::words_in(f.module->text);
    if (words <= 0 || words * 8 > 4096) return kInvalid;
    const auto* record = static_cast<const int64_t*>(parameters[0]);
    std::vector<int64_t> copy(record, record + words);
    s->work.push_back([=] { if (!c->lost) run_record(*c, f, copy.data()); });
    return kOk;
  }
  const Address records = *static_cast<Address*>(parameters[0]);
  const int64_t words = *static_cast<int64_t*>(parameters[1]);
  if (!live(records, static_cast<size_t>(words) * 8 * gy)) return kInvalid;
  s->work.push_back([=] {
    const auto* at = reinterpret_cast<const int64_t*>(shadow(records));
    for (unsigned y = 0; y < gy && !c->lost; ++y) run_record(*c, f, at + y * words);
  });
  return kOk;
}

// ---- for tests ----

long fake_count(const char* name) { Lock hold(lock_); return calls.count(name); }
/// The nth call from now returns `result`.
void fake_fail(const char* name, long nth, Result result) { Lock hold(lock_); calls.fail(name, nth, result); }
void fake_record(int on) { Lock hold(lock_); calls.record(on); }
/// The names of the calls since fake_record(1), separated by spaces.
const char* fake_log() { Lock hold(lock_); return calls.log(); }
long fake_live(const char* what) {
  Lock hold(lock_);
  const std::string name(what);
  if (name == "allocations") return static_cast<long>(allocations.size());
  if (name == "pinned") return static_cast<long>(pinned.size());
  if (name == "events") return static_cast<long>(events.size());
  if (name == "modules") return static_cast<long>(modules.size());
  long n = 0;
  for (auto& c : contexts) n += name == "streams" ? static_cast<long>(c->streams.size()) : name == "contexts" ? c->retained : 0;
  return n;
}
/// Work that waits in streams.
long fake_waiting() {
  Lock hold(lock_);
  size_t n = 0;
  for (auto& c : contexts) {
    n += c->stream.work.size();
    for (Stream* s : c->streams) n += s->work.size();
  }
  return static_cast<long>(n);
}

}  // extern "C"
