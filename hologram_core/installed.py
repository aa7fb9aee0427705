"""Where the package was installed from, for the command that builds it again."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def rebuild() -> str:
    """The command that builds the package again for the Python and torch that run."""
    return f"pip install --force-reinstall --no-deps {source()}"


def source() -> str:
    """What pip builds from: the checkout, or what the package was installed from. A wheel does not know where its source is."""
    if (ROOT / "setup.py").exists():
        return str(ROOT)
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        origin = json.loads(distribution("hologram").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        origin = {}
    url = origin.get("url", "")
    if "vcs_info" in origin:
        return f"{origin['vcs_info']['vcs']}+{url}"
    return "SOURCE (the folder of its source)" if not url or url.endswith(".whl") else url.removeprefix("file://")
