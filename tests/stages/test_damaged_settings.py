"""The file of a run's settings, damaged: it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlpretrain.errors import SettingsError, StageError
from rlpretrain.stages import open_run


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 10**5])
def test_it_is_named(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"settings\.json is missing"):
        open_run(tmp_path)
    (tmp_path / "settings.json").write_bytes(content)
    with pytest.raises(StageError, match=r"settings\.json .*rlpretrain extract --run NAME"):
        open_run(tmp_path)
    (tmp_path / "settings.json").write_text('{"num_epochs": -1}')
    with pytest.raises(SettingsError, match="num_epochs"):
        open_run(tmp_path)
