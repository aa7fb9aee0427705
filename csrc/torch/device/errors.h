// Runtime errors as the exceptions torch users expect.
#pragma once

#include <c10/util/Exception.h>

#include "runtime/base/error.h"

namespace hologram {

/// The c10 counterpart of a runtime error: torch.OutOfMemoryError, ValueError, NotImplementedError or RuntimeError.
[[noreturn]] inline void rethrow_as_c10(const Error& error) {
  switch (error.kind()) {
    case Error::Kind::OutOfMemory: C10_THROW_ERROR(OutOfMemoryError, error.what());
    case Error::Kind::Value: C10_THROW_ERROR(ValueError, error.what());
    case Error::Kind::NotSupported: C10_THROW_ERROR(NotImplementedError, error.what());
    case Error::Kind::Runtime: break;
  }
  C10_THROW_ERROR(Error, error.what());
}

/// f(), with the runtime's errors as c10 errors.
template <class F>
decltype(auto) with_c10_errors(F f) {
  try {
    return f();
  } catch (const Error& error) {
    rethrow_as_c10(error);
  }
}

}  // namespace hologram
