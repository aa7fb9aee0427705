"""`hologram_core.ops`."""

from hologram_core.ops import *
from hologram_core.ops import __dir__ as __dir__
from hologram_core.ops import __getattr__ as __getattr__
