// The Objective-C runtime and Metal through their C interface, found when the program runs: nothing of Apple's is needed to build.
//
// Invariants
//  * A message is sent through objc_msgSend cast to the exact type of the method: the calling conventions of variadic and other
//    functions differ on Apple silicon. NSUInteger is unsigned long, BOOL is bool.
//  * What a method whose name begins with new, alloc or copy returns is owned by the caller; all else belongs to the innermost
//    autorelease pool. A sender of messages has a Pool open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace hologram::metal {

using Id = struct objc_object*;
using Selector = struct objc_selector*;
using UInt = unsigned long;

struct Size { UInt width, height, depth; };   // MTLSize

enum : UInt {
  kStorageModeShared = 0,                     // of MTLResourceOptions
  kUsageReadWrite = 3,                        // of MTLResourceUsage
  kMathModeSafe = 0,
  kStatusCompleted = 4, kStatusError = 5,     // of MTLCommandBufferStatus
};
enum : long { kFamilyMetal3 = 5001 };         // of MTLGPUFamily

// The name here, then the method's.
#define HOLOGRAM_METAL_SELECTORS(X)                                                    \
  X(alloc, "alloc")                                                                    \
  X(init, "init")                                                                      \
  X(responds, "respondsToSelector:")                                                   \
  X(string_of, "stringWithUTF8String:")                                                \
  X(utf8, "UTF8String")                                                                \
  X(description, "localizedDescription")                                               \
  X(count, "count")                                                                    \
  X(object_at, "objectAtIndex:")                                                       \
  X(name, "name")                                                                      \
  X(unified_memory, "hasUnifiedMemory")                                                \
  X(supports_family, "supportsFamily:")                                                \
  X(working_set, "recommendedMaxWorkingSetSize")                                       \
  X(allocated_size, "currentAllocatedSize")                                            \
  X(max_buffer, "maxBufferLength")                                                     \
  X(new_queue, "newCommandQueue")                                                      \
  X(new_buffer, "newBufferWithLength:options:")                                        \
  X(new_event, "newSharedEvent")                                                       \
  X(new_library, "newLibraryWithSource:options:error:")                                \
  X(new_function, "newFunctionWithName:")                                              \
  X(new_pipeline, "newComputePipelineStateWithFunction:error:")                        \
  X(max_threads, "maxTotalThreadsPerThreadgroup")                                      \
  X(set_math_mode, "setMathMode:")                                                     \
  X(set_fast_math, "setFastMathEnabled:")                                              \
  X(contents, "contents")                                                              \
  X(gpu_address, "gpuAddress")                                                         \
  X(command_buffer, "commandBuffer")                                                   \
  X(compute_encoder, "computeCommandEncoder")                                          \
  X(blit_encoder, "blitCommandEncoder")                                                \
  X(end_encoding, "endEncoding")                                                       \
  X(commit, "commit")                                                                  \
  X(wait, "waitUntilCompleted")                                                        \
  X(status, "status")                                                                  \
  X(error, "error")                                                                    \
  X(end_time, "GPUEndTime")                                                            \
  X(signal_event, "encodeSignalEvent:value:")                                          \
  X(wait_event, "encodeWaitForEvent:value:")                                           \
  X(set_pipeline, "setComputePipelineState:")                                          \
  X(set_bytes, "setBytes:length:atIndex:")                                             \
  X(set_buffer, "setBuffer:offset:atIndex:")                                           \
  X(use_resource, "useResource:usage:")                                                \
  X(dispatch, "dispatchThreadgroups:threadsPerThreadgroup:")                           \
  X(copy_buffer, "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:")

struct Selectors {
#define X(field, text) Selector field = nullptr;
  HOLOGRAM_METAL_SELECTORS(X)
#undef X
};

struct Runtime {
  Id (*objc_getClass)(const char*) = nullptr;
  Selector (*sel_registerName)(const char*) = nullptr;
  void (*objc_msgSend)() = nullptr;
  Id (*objc_retain)(Id) = nullptr;
  void (*objc_release)(Id) = nullptr;
  void* (*objc_autoreleasePoolPush)() = nullptr;
  void (*objc_autoreleasePoolPop)(void*) = nullptr;
  Id (*MTLCopyAllDevices)() = nullptr;
  Selectors selectors;
};

/// Valid where library_failure() is empty. HOLOGRAM_METAL_DRIVER: the path of one library to take instead of the system's.
const Runtime& runtime();
/// Why the libraries cannot be loaded; empty where they can. Asks for no device.
const std::string& library_failure();

inline const Selectors& sel() { return runtime().selectors; }

template <class R, class... Args>
R send(Id object, Selector selector, Args... args) {
  return reinterpret_cast<R (*)(Id, Selector, Args...)>(runtime().objc_msgSend)(object, selector, args...);
}

inline Id retain(Id object) { return object ? runtime().objc_retain(object) : nullptr; }
inline void release(Id object) {
  if (object) runtime().objc_release(object);
}

/// An autorelease pool.
class Pool {
 public:
  Pool() : pool_(runtime().objc_autoreleasePoolPush()) {}
  ~Pool() { runtime().objc_autoreleasePoolPop(pool_); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

 private:
  void* pool_;
};

/// One reference, given back at the end.
class Owned {
 public:
  Owned() = default;
  explicit Owned(Id object) : object_(object) {}
  Owned(Owned&& o) noexcept : object_(std::exchange(o.object_, nullptr)) {}
  Owned& operator=(Owned&& o) noexcept {
    std::swap(object_, o.object_);
    return *this;
  }
  ~Owned() { release(object_); }
  Id get() const { return object_; }
  Id leave() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Id object_ = nullptr;
};

/// A string of the innermost pool.
Id string_of(const std::string& text);
std::string text_of(Id string);
/// What an NSError says of itself, or `otherwise`.
std::string describe(Id error, const char* otherwise);

}  // namespace hologram::metal
