// What fake GPU drivers share: memory with addresses that the host must not touch, kernels by key, calls that are counted, logged
// and made to fail.
#pragma once

#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fake {

using Address = unsigned long long;
using KernelFn = void (*)(void* const*, const int64_t*, int64_t, int64_t);

inline long setting(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::atol(text) : otherwise;
}

// ---- memory: device addresses in pages nobody may touch, the bytes at a fixed distance ----

class Memory {
 public:
  static constexpr size_t kRegion = size_t(32) << 30;

  /// `unit`: what allocations are rounded to; something unused lies between any two.
  Memory(const char* name, size_t unit) : name_(name), unit_(unit) {}

  /// True at the first call.
  bool open() {
    if (device_) return false;
    // Far from where programs are: regions this large in their midst would keep their pieces more than 2 GiB apart.
    char* const far = reinterpret_cast<char*>(size_t(1) << 44);
    device_ = static_cast<char*>(mmap(far, kRegion, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    shadow_ = static_cast<char*>(mmap(far + 2 * kRegion, kRegion, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (device_ == MAP_FAILED || shadow_ == MAP_FAILED) std::abort();
    here() = this;
    struct sigaction action {};
    action.sa_sigaction = &on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &before());
    return true;
  }

  bool holds(const void* p) const { return p >= device_ && p < device_ + kRegion; }
  char* shadow(Address a) const { return shadow_ + (reinterpret_cast<char*>(a) - device_); }
  Address start() const { return reinterpret_cast<Address>(device_); }

  /// A place for `bytes` among the allocations, a map from the address to something with `bytes`; 0: full. Addresses come round
  /// late, so that stale ones are noticed.
  template <class Allocations>
  Address place(const Allocations& allocations, size_t bytes) {
    const size_t room = (bytes + unit_ - 1) / unit_ * unit_ + unit_;
    const auto past = [&](Address end) { next_ = (end - start() + unit_ - 1) / unit_ * unit_; };
    for (int turn = 0; turn < 2; ++turn) {
      while (next_ + room <= kRegion) {
        const Address a = start() + next_;
        const auto after = allocations.lower_bound(a);
        if (after != allocations.begin()) {
          const auto before = std::prev(after);
          if (before->first + before->second.bytes > a) {
            past(before->first + before->second.bytes);
            continue;
          }
        }
        if (after != allocations.end() && after->first < a + room) {
          past(after->first + after->second.bytes);
          continue;
        }
        next_ += room;
        return a;
      }
      next_ = 0;
    }
    return 0;
  }

  /// Gives the pages back that lie wholly in an allocation.
  void forget(Address a, size_t bytes) const {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    char* const begin = reinterpret_cast<char*>((reinterpret_cast<size_t>(shadow(a)) + page - 1) / page * page);
    char* const end = reinterpret_cast<char*>(reinterpret_cast<size_t>(shadow(a) + bytes) / page * page);
    if (end > begin) madvise(begin, static_cast<size_t>(end - begin), MADV_DONTNEED);
  }

 private:
  static Memory*& here() {
    static Memory* memory = nullptr;
    return memory;
  }
  static struct sigaction& before() {
    static struct sigaction action;
    return action;
  }
  static void on_fault(int, siginfo_t* info, void*) {
    const Memory* m = here();
    if (m->holds(info->si_addr)) {
      char text[128];
      const int n = std::snprintf(text, sizeof text, "fake %s: the host touched device memory at %p\n", m->name_, info->si_addr);
      if (write(2, text, static_cast<size_t>(n)) < 0) _exit(139);
    }
    sigaction(SIGSEGV, &before(), nullptr);   // the instruction faults again, and whoever was here before reports it
  }

  const char* name_;
  size_t unit_, next_ = 0;
  char *device_ = nullptr, *shadow_ = nullptr;
};

/// The live allocation that holds [a, a + bytes); null: none. `Allocations`: a map from the address to something with `bytes`.
template <class Allocations>
auto* live(Allocations& allocations, Address a, size_t bytes, Address* start = nullptr) {
  auto after = allocations.upper_bound(a);
  if (after == allocations.begin()) return static_cast<decltype(&after->second)>(nullptr);
  --after;
  if (start) *start = after->first;
  return a + bytes <= after->first + after->second.bytes ? &after->second : nullptr;
}

// ---- kernels: hologram's code names the key of its circuit, and the CPU backend compiles the same key ----

/// The value of `lead` in the comments that the code begins with.
inline std::string in_header(const std::string& code, const char* lead) {
  for (size_t at = 0; at < code.size() && code.compare(at, 2, "//") == 0;) {
    const size_t end = std::min(code.find('\n', at), code.size());
    const std::string line = code.substr(at, end - at);
    const size_t found = line.find(lead);
    if (found != std::string::npos) return line.substr(found + std::strlen(lead));
    at = end + 1;
  }
  return "";
}
inline std::string key_in(const std::string& code) { return in_header(code, "key "); }
inline int words_in(const std::string& code) { return std::atoi(in_header(code, "words=").c_str()); }
inline int operands_of(const std::string& key) { return static_cast<int>(std::strtol(key.substr(10, 2).c_str(), nullptr, 16)); }

/// A function of Python's, from the process.
template <class F>
F* python(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_DEFAULT, name));
}

/// The address of the CPU's kernel for a key, from the compiler of the process's own Python. Takes Python's lock: hold no other. A
/// real driver runs no Python, so this is done on a thread of its own, where signal handlers do not come in between, and without the
/// garbage collector, whose finalizers may wait for the caller.
inline KernelFn compile_on_cpu(const std::string& key) {
  if (!python<int()>("PyGILState_Ensure")) return nullptr;
  uint64_t address = 0;
  const std::string code = "exec('import ctypes\\nfrom hologram_core.backends import cpu\\nctypes.c_uint64.from_address(" +
      std::to_string(reinterpret_cast<uint64_t>(&address)) + ").value = cpu.kernels.find(bytes.fromhex(\"" + key + "\"), counted=False)[0]', {})";
  int failed = 0;
  void* const mine = python<int()>("PyGILState_Check")() ? python<void*()>("PyEval_SaveThread")() : nullptr;
  std::thread([&] {
    const int state = python<int()>("PyGILState_Ensure")();
    const int collects = python<int()>("PyGC_Disable")();
    failed = python<int(const char*)>("PyRun_SimpleString")(code.c_str());
    if (collects) python<int()>("PyGC_Enable")();
    python<void(int)>("PyGILState_Release")(state);
  }).join();
  if (mine) python<void(void*)>("PyEval_RestoreThread")(mine);
  return failed ? nullptr : reinterpret_cast<KernelFn>(address);
}

// ---- calls ----

class Calls {
 public:
  /// Counts a call; the result that was ordered for it, or 0.
  int enter(const char* name) {
    ++counts_[name];
    if (logging_) log_.push_back(name);
    const auto found = failures_.find(name);
    if (found == failures_.end() || --found->second.first != 0) return 0;
    const int result = found->second.second;
    failures_.erase(found);
    return result;
  }
  long count(const char* name) { return counts_[name]; }
  void fail(const char* name, long nth, int result) { failures_[name] = {nth, result}; }
  void record(bool on) {
    logging_ = on;
    log_.clear();
  }
  /// The names of the calls since record(true), separated by spaces.
  const char* log() {
    text_.clear();
    for (const std::string& name : log_) text_ += (text_.empty() ? "" : " ") + name;
    log_.clear();
    return text_.c_str();
  }

 private:
  std::map<std::string, long> counts_;
  std::map<std::string, std::pair<long, int>> failures_;
  std::vector<std::string> log_;
  std::string text_;
  bool logging_ = false;
};

}  // namespace fake
