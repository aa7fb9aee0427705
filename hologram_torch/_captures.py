"""When what a call does is known: two captures in a row that are alike."""

from __future__ import annotations

from typing import Any

ATTEMPTS = 6            # captures in a row that differ before a function is left alone


class Captures:
    """The captures of calls of one kind. `reason`: why there will be no plan; empty while there may be one."""

    def __init__(self) -> None:
        self.attempts = 0
        self.reason = ""
        self._previous: Any = None      # the last capture, to be compared with the next one

    def is_plan(self, captured: Any) -> bool:
        """Did a capture write down what the one before it did? Then it is made ready to run."""
        import torch

        previous, self._previous = self._previous, captured
        if previous is None:
            return False
        if unlike := previous.unlike(captured):
            self.failed(unlike)
            return False
        try:
            captured.finish()
        except torch.OutOfMemoryError:
            self.give_up("there is no memory left for its temporaries")
            return False
        self._previous, self.attempts = None, 0
        return True

    def failed(self, why: str) -> None:
        """Counts a capture in vain."""
        self.attempts += 1
        if self.attempts >= ATTEMPTS:
            self.give_up(why)

    def give_up(self, reason: str) -> None:
        self.reason, self._previous = reason, None
