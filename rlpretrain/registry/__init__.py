"""Model versions, and which of them is champion.

The rule that decides is in `rlpretrain.registry.rule`; it needs the statistics of validation, which reading versions
does not need.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
