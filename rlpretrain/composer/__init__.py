"""Composer's service: its client, and a stand-in server with the same protocol over a catalogue."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
