// The only place that compares torch's version: major and minor together, so that 3.0 is newer than 2.13.
#pragma once

#include <torch/version.h>

#define HOLOGRAM_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))
