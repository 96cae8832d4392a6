"""All settings of a run: composed of the rooms' sections, read from files, environment and flags, shown as a form."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
