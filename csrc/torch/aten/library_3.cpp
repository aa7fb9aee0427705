#include "torch/aten/library.h"

#include "library_3.inc"
