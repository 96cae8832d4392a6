"""Nightly pre-training of trading agents on a library of rule-based strategies.

The names of this package and of each room are listed in its ``__init__.pyi``. They load their modules on first use, so
importing the package is cheap, and settings can be read where torch is not installed.
"""

from importlib.metadata import version
from typing import Any

import lazy_loader

from rlpretrain.errors import naming_extras

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


@naming_extras()
def __getattr__(name: str) -> Any:
    return version("rlpretrain") if name == "__version__" else _load(name)
