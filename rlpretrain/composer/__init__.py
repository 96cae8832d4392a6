"""Composer's service: client, wire schema, and an embedded server that speaks the same protocol."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
