#include "torch/aten/torch_kernels/library.h"

#include "library_1.inc"
