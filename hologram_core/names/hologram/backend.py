"""`hologram_core.backend`."""

from hologram_core.backend import *
