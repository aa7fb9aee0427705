"""Work that waits for a module of torch that most programs never import."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from importlib.abc import MetaPathFinder


class _Waiting(MetaPathFinder):
    """Stands before the finders of sys.meta_path until its module is imported."""

    def __init__(self, name: str, work: Callable[[types.ModuleType], None]) -> None:
        self.name, self.work, self.looking = name, work, False

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self.name or self.looking:
            return None
        self.looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.looking = False
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
            self.work(module)

        spec.loader.exec_module = exec_module      # type: ignore[method-assign]
        return spec


def after(name: str, work: Callable[[types.ModuleType], None]) -> None:
    """Calls `work(module)` as soon as the module is imported; now, if it is already."""
    module = sys.modules.get(name)
    if module is not None:
        work(module)
    else:
        sys.meta_path.insert(0, _Waiting(name, work))
