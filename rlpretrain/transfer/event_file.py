"""Curves in the files that TensorBoard reads, written without it: equal curves give equal bytes.

A file is a series of records (TensorFlow's TFRecord: length, checksum, data, checksum), and each record is an `Event`
of TensorFlow's ``event.proto``. TensorBoard's own writer stamps each of them with the time and each file with the host;
here all clocks read zero, because the file is one of a run's outputs.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

__all__ = ["EventFile"]

_VERSION = b"brain.Event:2"


class EventFile:
    """Scalars by step, which can be read while they are written.

    Parameters
    ----------
    path
        File to write; its name must contain ``tfevents``.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._file = path, path.open("wb")
        self._write(_field(3, _VERSION))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write the values of some curves at a step."""
        values = (
            _field(1, name.encode()) + b"\x15" + struct.pack("<f", number) for name, number in scalars.items()
        )
        self._write(b"\x10" + _varint(step) + _field(5, b"".join(_field(1, value) for value in values)))

    def content(self) -> bytes:
        """Return all that has been written."""
        return self._path.read_bytes()

    def restore(self, content: bytes) -> None:
        """Restore what another file contained, to go on after it."""
        self._file.seek(0)
        self._file.write(content)
        self._file.truncate()
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, event: bytes) -> None:
        event = b"\x09" + struct.pack("<d", 0.0) + event  # the time
        length = struct.pack("<Q", len(event))
        self._file.write(length + _checksum(length) + event + _checksum(event))
        self._file.flush()


def _field(number: int, content: bytes) -> bytes:
    """Return a field of bytes, as protocol buffers encode it."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def _table() -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)  # the polynomial of CRC-32C, reversed
        table.append(number)
    return table


_TABLE = _table()


def _checksum(content: bytes) -> bytes:
    """Return the CRC-32C, rotated and shifted as TFRecord does."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
