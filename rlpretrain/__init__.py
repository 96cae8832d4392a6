"""Nightly pre-training of trading agents on a library of rule-based strategies.

The names of this package and of each room are listed in its ``__init__.pyi``. They load their modules on first use, so
importing the package is cheap, and settings can be read where torch is not installed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
