"""Nightly pre-training of trading agents on a library of rule-based strategies.

This package's names, and those of each room, are listed in its ``__init__.pyi``. They load their modules on first use:
importing the package stays cheap, and settings can be read where no trainer is installed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
