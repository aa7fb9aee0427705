#include "torch/aten/torch_kernels/library.h"

#include "library_0.inc"
