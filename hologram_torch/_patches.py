"""Corrections of torch behaviour that has no extension point. Each names the condition under which it is needed."""

from __future__ import annotations


def apply() -> None:
    """Applies every correction. Idempotent."""
