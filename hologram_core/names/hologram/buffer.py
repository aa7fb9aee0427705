"""`hologram_core.buffer`."""

from hologram_core.buffer import *
