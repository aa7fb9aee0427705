// The CUDA driver library, found when the program runs: no toolkit is needed to build or to use hologram.
//
// Types and numbers are those of the driver's stable C interface (cuda.h); only what is called here is declared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace hologram::cuda {

using Result = int;
using DeviceHandle = int;
using DevicePtr = unsigned long long;
using Context = struct CUctx_st*;
using Module = struct CUmod_st*;
using Function = struct CUfunc_st*;
using StreamHandle = struct CUstream_st*;
using EventHandle = struct CUevent_st*;

enum : Result { kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNoDevice = 100, kNotReady = 600 };
enum : int {
  kAttrMultiprocessors = 16, kAttrThreadsPerMultiprocessor = 39,   // of CU_DEVICE_ATTRIBUTE_*
  kAttrCapabilityMajor = 75, kAttrCapabilityMinor = 76,
  kJitErrorLog = 5, kJitErrorLogBytes = 6,   // of CU_JIT_*
};
enum : unsigned { kStreamNonBlocking = 1, kEventNoTiming = 2, kHostPortable = 1 };

// Entry point, then its arguments. The names with _v2 are what cuda.h calls without it.
#define HOLOGRAM_CUDA_ENTRIES(X)                                                                                       \
  X(cuInit, unsigned)                                                                                                  \
  X(cuDriverGetVersion, int*)                                                                                          \
  X(cuGetErrorName, Result, const char**)                                                                              \
  X(cuGetErrorString, Result, const char**)                                                                            \
  X(cuDeviceGetCount, int*)                                                                                            \
  X(cuDeviceGet, DeviceHandle*, int)                                                                                   \
  X(cuDeviceGetName, char*, int, DeviceHandle)                                                                         \
  X(cuDeviceGetAttribute, int*, int, DeviceHandle)                                                                     \
  X(cuDeviceTotalMem_v2, size_t*, DeviceHandle)                                                                        \
  X(cuDevicePrimaryCtxRetain, Context*, DeviceHandle)                                                                  \
  X(cuCtxGetCurrent, Context*)                                                                                         \
  X(cuCtxPushCurrent_v2, Context)                                                                                      \
  X(cuCtxPopCurrent_v2, Context*)                                                                                      \
  X(cuCtxSynchronize)                                                                                                  \
  X(cuMemGetInfo_v2, size_t*, size_t*)                                                                                 \
  X(cuMemAlloc_v2, DevicePtr*, size_t)                                                                                 \
  X(cuMemFree_v2, DevicePtr)                                                                                           \
  X(cuMemHostAlloc, void**, size_t, unsigned)                                                                          \
  X(cuMemFreeHost, void*)                                                                                              \
  X(cuMemcpyHtoDAsync_v2, DevicePtr, const void*, size_t, StreamHandle)                                                \
  X(cuMemcpyDtoHAsync_v2, void*, DevicePtr, size_t, StreamHandle)                                                      \
  X(cuMemcpyDtoDAsync_v2, DevicePtr, DevicePtr, size_t, StreamHandle)                                                  \
  X(cuMemcpyPeerAsync, DevicePtr, Context, DevicePtr, Context, size_t, StreamHandle)                                   \
  X(cuStreamCreate, StreamHandle*, unsigned)                                                                           \
  X(cuStreamSynchronize, StreamHandle)                                                                                 \
  X(cuStreamQuery, StreamHandle)                                                                                       \
  X(cuStreamWaitEvent, StreamHandle, EventHandle, unsigned)                                                            \
  X(cuEventCreate, EventHandle*, unsigned)                                                                             \
  X(cuEventRecord, EventHandle, StreamHandle)                                                                          \
  X(cuEventQuery, EventHandle)                                                                                         \
  X(cuEventSynchronize, EventHandle)                                                                                   \
  X(cuEventElapsedTime, float*, EventHandle, EventHandle)                                                              \
  X(cuEventDestroy_v2, EventHandle)                                                                                    \
  X(cuModuleLoadDataEx, Module*, const void*, unsigned, int*, void**)                                                  \
  X(cuModuleGetFunction, Function*, Module, const char*)                                                               \
  X(cuLaunchKernel, Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, StreamHandle, void**, void**)

/// The oldest driver that takes the PTX we write (CUDA 11.4), as cuDriverGetVersion counts.
constexpr int kOldestDriver = 11040;

struct Driver {
#define X(name, ...) Result (*name)(__VA_ARGS__) = nullptr;
  HOLOGRAM_CUDA_ENTRIES(X)
#undef X
  int version = 0, devices = 0;
  std::string failure;             // why there are no devices; empty when there are
};

/// Loads and initialises the driver at the first call; later calls give the same answer. HOLOGRAM_CUDA_DRIVER: the path of a
/// library to take instead of the system's.
const Driver& driver();

/// True in a child of fork whose parent had started the driver: it answers nothing there.
bool started_before_fork();

/// Why the library cannot be loaded or is too old; empty where it can. Does not start it.
const std::string& library_failure();

/// "cuLaunchKernel: CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)".
std::string describe(Result result, const char* call);

}  // namespace hologram::cuda
