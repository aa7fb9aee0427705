#include "runtime/counters.h"

namespace hologram {

Counters& counters() {
  static Counters values;
  return values;
}

}  // namespace hologram
