"""Checks of prices: rules, one row each, and what they leave out or warn of."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
