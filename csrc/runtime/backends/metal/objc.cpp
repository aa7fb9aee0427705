#include "runtime/backends/metal/objc.h"

#include <dlfcn.h>

#include <cstdlib>

namespace hologram::metal {
namespace {

Runtime& instance() {
  static Runtime& r = *new Runtime;   // never closed: memory is released until the process ends
  return r;
}

template <class F>
void find(void* library, const char* name, F& entry, const char*& missing) {
  entry = reinterpret_cast<F>(dlsym(library, name));
  if (!entry && !missing) missing = name;
}

void* load(const char* path, std::string& failure) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library && failure.empty()) {
    const char* why = dlerror();
    failure = std::string("library ") + path + " not found (" + (why ? why : "no reason given") + ")";
  }
  return library;
}

std::string open(Runtime& r) {
  const char* chosen = std::getenv("HOLOGRAM_METAL_DRIVER");
  const bool given = chosen && *chosen;
#if !(defined(__APPLE__) && defined(__aarch64__))
  if (!given) return "needs macOS on Apple silicon";
#endif
  std::string failure;
  void* const objc = load(given ? chosen : "/usr/lib/libobjc.A.dylib", failure);
  void* const framework = given ? objc : load("/System/Library/Frameworks/Metal.framework/Metal", failure);
  if (!failure.empty()) return failure;
  // Programs without windows see no device until this one is loaded.
  if (!given) dlopen("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics", RTLD_LAZY | RTLD_LOCAL);
  const char* missing = nullptr;
  find(objc, "objc_getClass", r.objc_getClass, missing);
  find(objc, "sel_registerName", r.sel_registerName, missing);
  find(objc, "objc_msgSend", r.objc_msgSend, missing);
  find(objc, "objc_retain", r.objc_retain, missing);
  find(objc, "objc_release", r.objc_release, missing);
  find(objc, "objc_autoreleasePoolPush", r.objc_autoreleasePoolPush, missing);
  find(objc, "objc_autoreleasePoolPop", r.objc_autoreleasePoolPop, missing);
  find(framework, "MTLCopyAllDevices", r.MTLCopyAllDevices, missing);
  if (missing) return std::string("Metal has no entry ") + missing + ". macOS 13 or newer is needed";
#define X(field, text) r.selectors.field = r.sel_registerName(text);
  HOLOGRAM_METAL_SELECTORS(X)
#undef X
  return "";
}

}  // namespace

const std::string& library_failure() {
  static const std::string& failure = *new std::string(open(instance()));
  return failure;
}

const Runtime& runtime() {
  static const Runtime& r = (library_failure(), instance());
  return r;
}

Id string_of(const std::string& text) {
  return send<Id>(runtime().objc_getClass("NSString"), sel().string_of, static_cast<const char*>(text.c_str()));
}

std::string text_of(Id string) {
  const char* text = string ? send<const char*>(string, sel().utf8) : nullptr;
  return text ? text : "";
}

std::string describe(Id error, const char* otherwise) {
  std::string text = error ? text_of(send<Id>(error, sel().description)) : "";
  return text.empty() ? otherwise : text;
}

}  // namespace hologram::metal
