"""(major, minor) of the torch that runs. What differs between releases is decided by comparing with it."""

import torch

from ._extension import release

RELEASE = release(torch.__version__)
