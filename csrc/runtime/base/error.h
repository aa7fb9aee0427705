// Errors the runtime reports. Bindings map Kind to the Python exception a user expects.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace hologram {

class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  enum class Kind { Runtime, Value, OutOfMemory, NotSupported };
  Error(Kind kind, const std::string& what) : std::runtime_error(what), kind_(kind) {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

template <class... Parts>
[[noreturn]] void fail(Error::Kind kind, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(kind, text.str());
}

}  // namespace hologram

// Messages read `hologram.<op>: cause (values). What to do.`
#define HG_CHECK(condition, ...)                                                      \
  do {                                                                                \
    if (__builtin_expect(!(condition), 0))                                            \
      ::hologram::fail(::hologram::Error::Kind::Runtime, __VA_ARGS__);                \
  } while (0)
