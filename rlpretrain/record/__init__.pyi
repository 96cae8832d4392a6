from .drift import Drift, drift_test
from .entries import Broken, Entry, find_break
from .forward_record import ForwardRecord, open_record
from .live import LiveFigures, live_figures
from .settling import outcomes

__all__ = [
    "Broken",
    "Drift",
    "Entry",
    "ForwardRecord",
    "LiveFigures",
    "drift_test",
    "find_break",
    "live_figures",
    "open_record",
    "outcomes",
]
