#include "torch/aten/library.h"

#include "library_1.inc"
