"""One piece of memory through NumPy, hologram_core, PyTorch and, where installed, JAX: nothing is copied.

    python examples/05_dlpack_pipeline.py
"""

import numpy as np
import torch

import hologram_core as hg

data = np.arange(12, dtype=np.float32).reshape(3, 4)

with hg.Executor() as executor:
    tensor = hg.HologramTensor.from_dlpack(data, executor)          # NumPy -> hologram
    hg.ops.scalar_mul(executor, tensor.buffer, tensor.buffer, 0.5)  # an op of ours writes NumPy's memory
    seen = torch.from_dlpack(tensor.transpose())                    # hologram -> PyTorch, strides and all
    seen += 1
    print(data)
    print("one address:", data.ctypes.data == tensor.buffer.address() == seen.data_ptr())

    on_device = torch.randn(1000, device="hologram").relu()         # recorded, not computed yet ...
    shared = hg.HologramTensor.from_dlpack(on_device, executor)     # ... until somebody may look
    print("sum:", shared.to_numpy().sum(), on_device.sum().item())

    try:
        import jax.numpy as jnp
    except ImportError:
        print("JAX is not installed")
    else:
        print("JAX:", jnp.from_dlpack(tensor).sum(), "NumPy:", data.sum())
