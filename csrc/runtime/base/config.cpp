#include "runtime/base/config.h"

namespace hologram {

Config& config() {
  static Config values;
  return values;
}

}  // namespace hologram
