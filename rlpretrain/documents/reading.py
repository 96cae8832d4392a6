"""Reading a symphony's tree from a file or an answer, in any form and any wrapper."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlpretrain.documents.json_text import decode_json
from rlpretrain.errors import DataError, SymphonyError
from rlpretrain.limits import EDN_CHARACTERS, JSON_CHARACTERS

__all__ = ["BESIDE", "decode_answer", "document_files", "read_document", "unwrap_document"]

_WRAPPERS = ("score", "symphony", "raw_value", "result")
_MOST_WRAPPERS = 8
_ABOUT = frozenset(
    (
        "apply_reg_fee", "apply_taf_fee", "benchmark_symphonies", "benchmark_tickers", "broker", "capital",
        "created_at", "description", "end_date", "id", "name", "slippage_percent", "spread_markup", "start_date",
        "symphony_id", "updated_at",
    )
)  # fmt: skip
"""Fields of a wrapper that label a symphony or say how to backtest it, with underscores; they change no decision."""

BESIDE = "fields-beside-the-tree"
"""Field of the root in which `unwrap_document` lists what else the wrappers had, so that the parser remarks it."""

_LONGEST = {"JSON": JSON_CHARACTERS.most, "EDN": EDN_CHARACTERS.most}
"""Characters of a document by its notation."""

_EDN = re.compile(r"[\s,\ufeff]*(?:[(;#^:]|defsymphony\b|\{[\s,]*[:;#^])")
"""How a text in EDN begins. JSON begins with none of these."""

_SUFFIXES = (".json", ".edn", ".clj", ".txt")
_SNIFFED = 4_096


def document_files(folder: Path, *, deep: bool = False) -> list[Path]:
    """List the symphony files of a folder by name: ``*.json``, ``*.edn``, ``*.clj`` and ``*.txt``.

    Folders also hold notes, so a text counts only if it begins like a symphony.

    Parameters
    ----------
    folder
        The folder.
    deep
        Whether its sub-folders are searched too.
    """
    found = folder.rglob("*") if deep else folder.glob("*")
    files = (path for path in found if path.suffix.lower() in _SUFFIXES and path.is_file())
    return sorted(path for path in files if path.suffix.lower() != ".txt" or _looks_like_a_symphony(path))


def read_document(path: Path) -> dict[str, Any]:
    """Read a symphony's tree from a file in JSON, EDN or Composer's text form, in any wrapper that the service uses.

    Raises
    ------
    DataError
        The file is unreadable, is in none of these forms or contains no tree.
    SymphonyError
        It is in EDN or Composer's text form, but damaged or not translatable.
    """
    longest = max(_LONGEST.values())
    try:
        with path.open("rb") as file:
            data = file.read(4 * longest + 1)  # UTF-32 has four bytes a character.
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not JSON, EDN or Composer's text: {error}") from None
    return unwrap_document(text, str(path))


def decode_answer(data: bytes | str) -> Any:
    """Read an answer in JSON of any depth; a symphony's text in EDN or Composer's form is returned as it is.

    `unwrap_document` reads such a text.

    Raises
    ------
    ValueError
        It is neither.
    DataError
        It is nested too deep.
    """
    try:
        return decode_json(data)
    except ValueError:
        text = data.decode() if isinstance(data, bytes) else data
        start = text[:_SNIFFED]
        if _EDN.match(text) and ("defsymphony" in start or ":step" in start):
            return text
        raise


def unwrap_document(answer: Any, subject: str) -> dict[str, Any]:
    """Return the tree in ``{"score": {...}}``, ``{"symphony": {...}}`` and the like, or in a text of any form.

    Fields of the wrappers that might be meant to change what the tree holds are listed in its field `BESIDE`.

    Raises
    ------
    DataError
        It contains no tree; the message begins with `subject`.
    SymphonyError
        It is a text in EDN or Composer's form, but damaged or not translatable.
    """
    beside: list[str] = []
    for _ in range(_MOST_WRAPPERS):
        if isinstance(answer, str):
            answer = _decode(answer, subject)
        elif isinstance(answer, dict) and "step" not in answer:
            beside += [
                name
                for name, value in answer.items()
                if value is not None and name not in _WRAPPERS and name.replace("-", "_") not in _ABOUT
            ]
            answer = next(
                (answer[key] for key in _WRAPPERS if isinstance(answer.get(key), (dict, str))), None
            )
        else:
            break
    if not isinstance(answer, dict) or not isinstance(answer.get("step"), str):
        raise DataError(f"{subject}: contains no symphony: there is no 'step' at its root")
    return answer | {BESIDE: beside} if beside else answer


def _decode(text: str, subject: str) -> Any:
    notation = "EDN" if _EDN.match(text) else "JSON"
    if len(text) > _LONGEST[notation]:
        raise SymphonyError(
            f"{subject}: has more than {_LONGEST[notation]:,} characters, the most that are read of a symphony",
            hint="split it into several symphonies",
        )
    if notation == "EDN":
        return _decode_edn(text, subject)
    try:
        return decode_json(text)
    except DataError as error:
        raise DataError(f"{subject}: {error}") from None
    except ValueError as error:
        raise DataError(
            f"{subject}: not JSON: {error}",
            hint="a symphony is read as JSON, as EDN, or as Composer's text, which begins with (defsymphony",
        ) from None


def _decode_edn(text: str, subject: str) -> Any:
    from rlpretrain.documents.composer_text import DEFINE, describe, translate
    from rlpretrain.documents.edn_text import plain, read_forms

    forms: Sequence[Any] = read_forms(text, subject)
    if forms and forms[0] == DEFINE:
        return translate(tuple(forms), subject)  # Copied without the outermost brackets.
    if len(forms) != 1:
        raise SymphonyError(
            f"{subject}: contains {len(forms)} forms, expected one symphony",
            hint="put each into its own file",
        )
    form = forms[0]
    if not isinstance(form, tuple):
        return plain(form, lambda problem: SymphonyError(f"{subject}: not a symphony: {problem}"))
    if not form or form[0] != DEFINE:
        raise SymphonyError(
            f"{subject}: begins with {describe(form[:1])}, expected defsymphony",
            hint="copy the whole text from Composer's editor, or fetch the symphony by its id",
        )
    return translate(form, subject)


def _looks_like_a_symphony(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(_SNIFFED)
    except OSError:
        return True  # Reading it says why it cannot be read.
    return b"defsymphony" in start or b":step" in start or b'"step"' in start
