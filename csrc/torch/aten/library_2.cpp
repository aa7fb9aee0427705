#include "torch/aten/library.h"

#include "library_2.inc"
