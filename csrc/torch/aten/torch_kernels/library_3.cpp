#include "torch/aten/torch_kernels/library.h"

#include "library_3.inc"
