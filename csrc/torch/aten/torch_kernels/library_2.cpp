#include "torch/aten/torch_kernels/library.h"

#include "library_2.inc"
