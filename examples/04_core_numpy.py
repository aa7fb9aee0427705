"""hologram_core with NumPy, without PyTorch: buffers, ops, a compiled function, a circuit by hand.

    python examples/04_core_numpy.py
"""

import numpy as np

import hologram_core as hg

rng = np.random.default_rng(0)
x, y = (rng.standard_normal(10_000).astype(np.float32) for _ in range(2))

with hg.Executor() as executor:
    a, b, c, total = executor.from_numpy(x), executor.from_numpy(y), executor.allocate(10_000), executor.allocate(1)

    # Ops are recorded; they run, as one kernel, when somebody looks.
    hg.ops.vector_mul(executor, a, b, c)
    hg.ops.tanh(executor, c, c)
    hg.ops.scalar_add(executor, c, c, 1.0)
    print("largest difference from NumPy:", np.abs(c.to_numpy() - (np.tanh(x * y) + 1)).max())
    print("sum:", hg.ops.reduce_sum(executor, c, total), " mean squared error:", hg.ops.mse_loss(executor, a, b, total))

    # A Python function over buffers becomes one circuit.
    @hg.compile
    def normalise(x):
        centred = x - x.mean()
        return centred / ((centred * centred).mean() + 1e-5).sqrt()

    z = normalise(a).to_numpy()
    print("normalised: mean", round(float(z.mean()), 6), "variance", round(float(z.var()), 4))
    print(normalise.circuit(a).ir())

    # NumPy's BLAS works on the same memory.
    w, v, u = (executor.from_numpy(rng.standard_normal(n).astype(np.float32)) for n in (64 * 32, 32, 64))
    hg.ops.matvec(executor, w, v, u, 64, 32)
    print("matvec:", np.abs(u.to_numpy() - w.to_numpy().reshape(64, 32) @ v.to_numpy()).max())
