"""Tests that do not pass yet, and why.

`GAPS`: {reason: test ids}. Strict: conftest.py marks them as expected failures, so that a test that starts to pass fails the
run until its line here is removed.
"""

GAPS = {
}

KNOWN_GAPS = {test: reason for reason, tests in GAPS.items() for test in tests}
