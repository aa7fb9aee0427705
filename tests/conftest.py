"""Registers the device before any test runs, whether or not the package is installed."""

import torch  # noqa: F401  first: the device module registers itself with it

import hologram_torch  # noqa: F401
