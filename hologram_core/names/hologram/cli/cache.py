"""`hologram cache`: the folder of compiled kernels."""

from __future__ import annotations

from hologram_core.backends import disk_cache

from .report import size


def run(options) -> dict:
    removed = disk_cache.clear() if options.action == "clear" else None
    state = disk_cache.state()
    found = {"action": options.action, "path": str(state.path) if state.path else None, "kernels": state.kernels, "bytes": state.bytes,
             "limit": state.limit, "used": not state.objection, "objection": state.objection}
    if removed:
        found |= {"removed_kernels": removed[0], "removed_bytes": removed[1]}
    return found


def text(found: dict) -> str:
    if found["action"] == "path":
        return found["path"] or ""
    lines = [f"{found['path'] or 'no folder'}: {found['kernels']} kernels, {size(found['bytes'])} of at most {size(found['limit'])}"]
    if found["action"] == "clear":
        lines.insert(0, f"removed {found['removed_kernels']} kernels, {size(found['removed_bytes'])}")
    if found["objection"]:
        lines.append(f"It is not used: {found['objection']}.")
    return "\n".join(lines)
