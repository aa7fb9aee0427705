// The runtime's way to the compiler, which is Python.
//
// Invariants
//  * A kernel is made on a thread of its own, for a caller that may hold a stream's lock and waits without Python's. So what
//    Python runs in between on the caller's thread (signal handlers, exceptions that another thread sends it) comes when the
//    kernel is there: it cannot break the compiler off, and may call ops itself.
//  * The garbage collector does not run meanwhile: finalizers of the program's objects may call ops, and would wait for the caller.
//  * A kernel that came with the package needs none of this but once, to find them.
//  * LLVM does not survive an allocation that fails. There is room before it is asked, or it is not asked.
#include "bindings/compiler.h"

#include <sys/mman.h>

#include <atomic>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include "bindings/executor.h"
#include "runtime/backends/cpu/queue.h"
#include "runtime/base/counters.h"
#include "runtime/base/error.h"
#include "runtime/kernels/compiler.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/kernel_pack.h"
#include "runtime/ir/key.h"
#include "runtime/trace/stream_lock.h"

namespace hologram::bindings {
namespace {

// The Python compiler: (key: bytes) -> (address, nanoseconds per element, name). Never destroyed, like the cache.
py::object& python_compiler() {
  static auto* object = new py::object;
  return *object;
}

/// The same for devices: (key: bytes, arch: int, driver: int) -> an entry (hologram_core.backends.cuda.Entry).
py::object& device_compiler() {
  static auto* object = new py::object;
  return *object;
}

// ---- before ----

/// Address space that making a kernel takes at most: the largest kernels of the op tables, and the thread. The first one
/// loads LLVM and the code generator too. tests/compiler/test_compiler_memory.py measures both.
constexpr size_t kFirstBytes = 640u << 20, kBytes = 96u << 20;

std::atomic<bool> loaded{false};

void check_room() {
  const size_t bytes = loaded.load(std::memory_order_relaxed) ? kBytes : kFirstBytes;
  void* const room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED)
    fail(Error::Kind::OutOfMemory, "hologram.compile: out of memory: making a kernel may take ", bytes >> 20, " MiB of address space, which the "
         "system refuses. Free memory, or raise the limit of the process (ulimit -v).");
  munmap(room, bytes);
}

void check_python() {
  if (!Py_IsInitialized()) fail(Error::Kind::Runtime, "hologram.compile: Python has ended; nothing can be compiled any more.");
}

bool python_is_ending() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing();
#else
  return _Py_IsFinalizing();
#endif
}

// ---- on a thread of its own ----

struct CollectorPaused {
  const int was_enabled = PyGC_Disable();
  ~CollectorPaused() {
    if (was_enabled) PyGC_Enable();
  }
};

/// Runs `work`, which takes Python's lock, and throws what it throws.
template <class Work>
void run_for_waiting_caller(Work work) {
  std::exception_ptr failure;
  std::optional<py::gil_scoped_release> release;
  if (PyGILState_Check()) release.emplace();
  try {
    if (python_is_ending()) throw std::system_error();   // threads get Python's lock no more
    std::thread([&] {
      const WorksForHolder working;
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    }).join();
  } catch (const std::system_error&) {
    return work();   // here, then
  }
  if (failure) std::rethrow_exception(failure);
}

Error::Kind kind_of(const py::error_already_set& error) {
  if (error.matches(PyExc_MemoryError)) return Error::Kind::OutOfMemory;
  if (error.matches(PyExc_NotImplementedError)) return Error::Kind::NotSupported;
  if (error.matches(PyExc_ValueError)) return Error::Kind::Value;
  return Error::Kind::Runtime;
}

/// What Python's compiler says about a key; `take` turns it into C++.
template <class Take>
auto ask_compiler(const char* backend, const py::object& installed, const char* expected, Take take, const py::tuple& args) {
  try {
    const CollectorPaused paused;
    const py::object compile =
        installed ? installed : py::module_::import((std::string("hologram_core.backends.") + backend).c_str()).attr("compile_key");
    auto result = take(compile(*args));
    loaded.store(true, std::memory_order_relaxed);
    return result;
  } catch (py::error_already_set& error) {
    // The exception leaves through frames that know nothing of Python: its text goes with it, its traceback does not.
    const Error::Kind kind = kind_of(error);
    const std::string text = py::str(error.value());
    const std::string type = py::str(error.type().attr("__name__"));
    throw Error(kind, text.rfind("hologram.", 0) == 0 ? text : "hologram.compile: " + type + ": " + text);
  } catch (const py::cast_error&) {
    fail(Error::Kind::Runtime, "hologram.compile: the compiler must return ", expected, ".");
  }
}

py::bytes bytes_of(const Key& key) { return py::bytes(reinterpret_cast<const char*>(key.bytes), key.size); }

/// Has Python say where the kernels of the package are, once. Where that fails there are none.
void find_kernel_pack() {
  static std::atomic<bool> asked{false};
  if (asked.load(std::memory_order_acquire) || !Py_IsInitialized()) return;
  run_for_waiting_caller([] {
    const py::gil_scoped_acquire gil;
    const CollectorPaused paused;
    if (asked.exchange(true)) return;
    try {
      py::module_::import("hologram_core.kernel_pack").attr("install")();
    } catch (const py::error_already_set&) {
    }
  });
}

std::string name_of(const PackedInfo& info) {
  return std::string(reinterpret_cast<const char*>(info.bytes + info.key_bytes), info.name_bytes);
}

/// The kernel that came with the package, or null.
Kernel* packed(const Key& key) {
  find_kernel_pack();
  const PackedKernel* const found = find_packed(key.bytes, key.size);
  if (!found) return nullptr;
  add_to(Counter::pack_hits);
  return make_kernel(key, found->fn, static_cast<float>(found->info->cost), name_of(*found->info));
}

void use_kernel_pack_at(uintptr_t index) { use_kernel_pack(reinterpret_cast<const KernelPack*>(index)); }

py::object packed_entry(const std::string& key) {
  const PackedKernel* const found =
      find_packed(reinterpret_cast<const unsigned char*>(key.data()), static_cast<uint32_t>(key.size()));
  if (!found) return py::none();
  return py::make_tuple(reinterpret_cast<uintptr_t>(found->fn), found->info->cost, name_of(*found->info));
}

/// Runs on a cache miss.
Kernel* compile(const Key& key) {
  if (!python_compiler())
    if (Kernel* kernel = packed(key)) return kernel;
  check_python();
  check_room();
  Kernel* kernel = nullptr;
  run_for_waiting_caller([&] {
    const py::gil_scoped_acquire gil;
    kernel = ask_compiler(cpu_queue().name(), python_compiler(), "(address, nanoseconds per element, name)", [&](const py::object& result) {
      if (!py::isinstance<py::tuple>(result) || py::len(result) != 3) throw py::cast_error();
      const auto made = py::reinterpret_borrow<py::tuple>(result);
      const auto address = made[0].cast<uintptr_t>();
      if (!address) fail(Error::Kind::Runtime, "hologram.compile: the compiler returned a null address.");
      return make_kernel(key, reinterpret_cast<KernelFn>(address), made[1].cast<float>(), made[2].cast<std::string>());
    }, py::make_tuple(bytes_of(key)));
  });
  return kernel;
}

DeviceCode compile_device(const char* backend, const Key& key, int arch, int driver) {
  check_python();
  check_room();
  DeviceCode code;
  run_for_waiting_caller([&] {
    const py::gil_scoped_acquire gil;
    code = ask_compiler(backend, device_compiler(), "an entry with symbol, code, name, threads, items_per_block and direct",
                        [&](const py::object& entry) {
      DeviceCode read;
      read.symbol = entry.attr("symbol").cast<std::string>();
      read.code = entry.attr("code").cast<std::string>();
      read.name = entry.attr("name").cast<std::string>();
      read.threads = entry.attr("threads").cast<int>();
      read.items_per_block = entry.attr("items_per_block").cast<int64_t>();
      read.direct = entry.attr("direct").cast<bool>();
      return read;
    }, py::make_tuple(bytes_of(key), arch, driver));
  });
  return code;
}

}  // namespace

/// The highest level of x86-64 that the processor and the system have: 3 or 4; 0: a lower one, or it is not known.
int x86_64_level() {
#if defined(__x86_64__) && !defined(__clang__) && __GNUC__ >= 12
  return __builtin_cpu_supports("x86-64-v4") ? 4 : __builtin_cpu_supports("x86-64-v3") ? 3 : 0;
#else
  return 0;
#endif
}

void bind_compiler(py::module_& m) {
  set_compiler(&compile);
  set_device_compiler(&compile_device);
  m.def("set_compiler", [](py::object fn) { python_compiler() = fn.is_none() ? py::object() : fn; }, py::arg("compiler"),
        "(key: bytes) -> (address, nanoseconds per element, name); None: hologram_core.backends.cpu.compile_key.");
  m.def("set_device_compiler", [](py::object fn) { device_compiler() = fn.is_none() ? py::object() : fn; }, py::arg("compiler"),
        "(key: bytes, arch: int, driver: int) -> an entry; None: compile_key of hologram_core.backends.<backend>.");
  m.def("count_compiled", [] { add_to(Counter::compiled); }, "The compiler made machine code.");
  m.def("x86_64_level", &x86_64_level,
        "The highest level of x86-64 that this processor has: 3 or 4; 0: a lower one, or it is not known.");
  m.def("use_kernel_pack", &use_kernel_pack_at, py::arg("index"),
        "Kernels are looked for in the index at this address first (hologram_core.kernel_pack); 0: in none.");
  m.def("find_packed", &packed_entry, py::arg("key"),
        "(address, nanoseconds per element, name) of a kernel that came with the package, or None.");
  m.def("count_disk_hit", [] { add_to(Counter::disk_hits); }, "The compiler found machine code on disk.");
}

}  // namespace hologram::bindings
