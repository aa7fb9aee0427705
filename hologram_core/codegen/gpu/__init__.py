"""Kernels for a grid of threads: CUDA's PTX, and the program that Metal's text is printed from."""
