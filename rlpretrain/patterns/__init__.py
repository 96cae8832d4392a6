"""Patterns from replayed strategies: trades, votes, decisions and the store that keeps them.

The store is in `rlpretrain.patterns.store`, so that reading votes needs no database driver.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
