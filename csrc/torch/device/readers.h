// Readers of device memory that meet neither a kernel of ours nor a storage's materializer (storage.h).
//
// torch calls a materializer for mutable pointers only: a reader that asks for a const pointer gets the address, whatever is recorded. Our
// kernels, and torch's on the CPU and the GPUs, get their arguments from us. What else torch lets read a tensor of this device is
//  * kernels that torch registers for it outside aten: those of torch.distributed (c10d), mended here for all collectives at once
//  * functions of aten that are the same for every device and read addresses nevertheless: those of quantized products (fbgemm_*)
//  * Python functions that read or hand out the address: mended where they are called (hologram_torch/_patches.py)
// Libraries of others that call const_data_ptr() have to synchronize; HOLOGRAM_GUARD=1 makes them fault where they do not.
#pragma once

#include <ATen/core/Tensor.h>

namespace hologram {

/// Runs what is recorded on the tensor's memory, for a reader outside. Does nothing to tensors elsewhere.
void run_recorded(const at::Tensor& t);
/// The same for a reader that keeps the address: from now on ops on that memory run when they are called.
void hand_out(const at::Tensor& t);

/// Wraps those kernels of torch: what is recorded on their tensors runs first.
void register_readers();

}  // namespace hologram
