"""The forward record: what agents decided before the outcome existed, in a chain that only grows, and how they did.

`entries` is the chain, `timing` the rule by which a decision is in time, `forward_record` the store, `settling` the
outcomes, `drift` the test of live days against the backtest, and `live` the figures of each agent.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
