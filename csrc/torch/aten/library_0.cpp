#include "torch/aten/library.h"

#include "library_0.inc"
