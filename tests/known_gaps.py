"""Tests that do not pass yet, and why: {test id, or the part before its '[': reason}.

Strict: conftest.py marks them as expected failures, so that a test that starts to pass fails the run until its line here
is removed. A key without '[' stands for a test without parameters.
"""

KNOWN_GAPS: dict = {
}
