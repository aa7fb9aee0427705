"""One file per backend, and what they share: kernels in memory and on disk."""
