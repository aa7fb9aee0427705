"""(major, minor) of the torch that runs. What differs between releases is decided by comparing with it."""

import torch

from hologram_core.versions import release

RELEASE = release(torch.__version__)
