"""Work that waits for a module which most programs never import."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from importlib.abc import MetaPathFinder


class _Waiting(MetaPathFinder):
    """Stands before the finders of sys.meta_path, and looks only for the modules that work waits for."""

    def __init__(self) -> None:
        self.work: dict[str, list[Callable[[types.ModuleType], None]]] = {}
        self.looking: set[str] = set()

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.work or fullname in self.looking:
            return None
        self.looking.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.looking.discard(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            execute(module)
            for work in self.work.pop(fullname, ()):
                work(module)

        spec.loader.exec_module = exec_module      # type: ignore[method-assign]
        return spec


_waiting = _Waiting()


def after(name: str, work: Callable[[types.ModuleType], None]) -> None:
    """Calls `work(module)` as soon as the module is imported; now, if it is already."""
    module = sys.modules.get(name)
    if module is not None:
        work(module)
        return
    if _waiting not in sys.meta_path:
        sys.meta_path.insert(0, _waiting)
    _waiting.work.setdefault(name, []).append(work)
