"""Price files with bytes changed: read, or named."""

from __future__ import annotations

import gzip
import io
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.errors import DataError
from rlpretrain.market.files import read_folder

LONG = "date,symbol,open,high,low,close,volume\n" + "".join(
    f"2020-01-0{day},XYZ,1,2,1,1.5,10\n" for day in range(2, 9)
)
TWO_LEVELS = "Price,Close,High\nTicker,SPY,SPY\nDate,,\n2020-01-02,1,2\n2020-01-03,1,2\n"
WIDE = "Date,SPY,QQQ\n2020-01-02,1,2\n2020-01-03,1,2\n"
ADJUSTED = "Date,Open,Close,Adjusted_close,Dividends\n2020-01-02,1,1.5,1.4,0\n2020-01-03,1,1.5,1.4,0.1\n"


def _parquet() -> bytes:
    buffer = io.BytesIO()
    days = np.arange("2020-01-02", "2020-01-07", dtype="datetime64[D]")
    pq.write_table(pa.table({"date": days, "symbol": ["XYZ"] * 5, "close": np.arange(5) + 1.0}), buffer)
    return buffer.getvalue()


FILES = {
    "long.csv": LONG.encode(),
    "levels.csv": TWO_LEVELS.encode(),
    "wide.csv": WIDE.encode(),
    "SPY.csv": ADJUSTED.encode(),
    "SPY.txt": ADJUSTED.replace(",", "\t").encode(),
    "long.csv.gz": gzip.compress(LONG.encode(), mtime=0),
    "long.parquet": _parquet(),
}
PIECES = st.binary(max_size=8) | st.sampled_from([
    b"", b"\0", b"\xff", b'"', b",", b"\n", b"\r", b"\xef\xbb\xbf", b"nan", b"inf", b"1e309", b"9" * 20, b"2020-02-30",
    b"2020-01-02T25:00", b"2020-01-02T00:00+99:99", b"('Close', 'SPY')", b"Date", b"Close", b"factor", b"2:1", b"$",
    "\u0661".encode(), b"\xed\xa0\x80",
])  # fmt: skip
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=4
)  # where, how many bytes go, what comes


@given(st.sampled_from(sorted(FILES)), CHANGES)
def test_it_is_read_or_named(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    content = FILES[name]
    for share, gone, come in changes:
        start = int(share * len(content))
        content = content[:start] + come + content[start + gone :]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        try:
            panel = read_folder(Path(folder), None)
        except DataError as error:
            assert folder in str(error)
        else:
            assert panel.symbols
            assert np.isfinite(panel.close).any()
