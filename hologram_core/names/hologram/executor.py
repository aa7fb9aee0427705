"""`hologram_core.executor`."""

from hologram_core.executor import *
