"""An invented market: seeded, correlated, with regimes, fat tails and volatility clusters."""

from rlpretrain.market.generated.assets import ASSETS, DERIVED
from rlpretrain.market.generated.factors import FIRST_DAY, KINDS, World
from rlpretrain.market.generated.panel import GENERATED_SYMBOLS, generate_panel

__all__ = ["ASSETS", "DERIVED", "FIRST_DAY", "GENERATED_SYMBOLS", "KINDS", "World", "generate_panel"]
