from .loading import ENVIRONMENT_PREFIX, load_config
from .parameters import NIGHTLY, run_parameters
from .pretraining_config import PretrainingConfig

__all__ = ["ENVIRONMENT_PREFIX", "NIGHTLY", "PretrainingConfig", "load_config", "run_parameters"]
