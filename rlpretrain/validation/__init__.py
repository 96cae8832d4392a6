"""Evidence on unseen data: metrics, baselines, statistics, learning curves, verdict and report.

The validator is loaded on first use: it runs agents and so needs torch, unlike the verdict and the report.
"""

import lazy_loader

from rlpretrain.errors import naming_extras

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = naming_extras()(__getattr__)
