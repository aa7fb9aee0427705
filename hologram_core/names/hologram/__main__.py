"""`python -m hologram`: what the command `hologram` does."""

import sys

from .cli import main

sys.exit(main())
