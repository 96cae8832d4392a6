"""The trading environment, scalar and batched, with one accounting."""
