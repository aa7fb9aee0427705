"""The hologram runtime without torch: memory pools, circuits, compiled kernels.

Importing this package loads none of torch, NumPy and llvmlite; what needs them imports them when it is first used.
"""

__version__ = "0.1.0"
