"""From the pre-trained policy to an RL agent."""

import lazy_loader

from rlpretrain.errors import naming_extras

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = naming_extras()(__getattr__)
