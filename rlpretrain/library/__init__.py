"""The library: the strategies that Composer offers, as a run lists, fetches and caches them."""
