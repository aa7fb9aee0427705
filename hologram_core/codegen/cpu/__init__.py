"""Kernels for one thread of the host: loop nests around vectors of lanes."""
