from .checking import check_prices, exclude_bars
from .rule import QualityRule, Suspicion
from .rules import PRICE_RULES

__all__ = ["PRICE_RULES", "QualityRule", "Suspicion", "check_prices", "exclude_bars"]
