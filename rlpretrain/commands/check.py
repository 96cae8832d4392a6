"""``rlpretrain symphony check``: which symphonies the engine and the market can replay, and why not the others."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlpretrain.commands.documents import fetch_documents, is_identifier
from rlpretrain.commands.progress import counted, counting
from rlpretrain.commands.settings import read_day, read_settings
from rlpretrain.documents import document_files, read_document
from rlpretrain.errors import DataError, RlpretrainError, SymphonyError
from rlpretrain.settings import PretrainingConfig

if TYPE_CHECKING:
    from rlpretrain.market import PricePanel
    from rlpretrain.symphony import Evaluator, Symphony

__all__ = ["check"]

_NODE = re.compile(r"(root(?:/[^/: ]+\[\d+\])*): ")

_STATUS = {"supported": "supported", "lacks_prices": "lacks prices", "unsupported": "unsupported"}


@dataclass
class _Finding:
    """The result for one symphony."""

    source: str
    """The file's path, or the id."""
    status: Literal["supported", "lacks_prices", "unsupported"] = "supported"
    name: str | None = None
    nodes: int | None = None
    reason: str | None = None
    path: str | None = None
    """Path of the node that the reason refers to."""
    hint: str | None = None
    missing: list[dict[str, str]] = field(default_factory=list)
    """Tickers without prices, each with the path of the first node that names it."""
    remarks: list[str] = field(default_factory=list)
    by_level: bool = False
    """Whether it decides by the level of a price."""
    no_vote: str | None = None
    """Why it has no vote in a run, although it is supported."""
    first_day: str | None = None
    last_market_day: str | None = None
    days: int | None = None


def check(options: argparse.Namespace) -> dict[str, Any]:
    """Check every symphony that the options name."""
    from rlpretrain.market import parse_provider

    config = read_settings(options)
    market = options.market or config.market
    parse_provider(market)
    window = (read_day(options.start, "--start"), read_day(options.end, "--end"))
    documents = _Documents(_sources(options.symphonies), config)
    findings: list[_Finding] = []
    parsed: list[tuple[_Finding, Symphony]] = []
    for source in counted(documents.sources, "parsing"):
        finding = _Finding(str(source))
        findings.append(finding)
        with _Recorded(finding):
            parsed.append((finding, _parse(documents.get(source), finding)))
    replayed = _replay_all(
        parsed, _panel(market, [symphony for _, symphony in parsed], config.seed), window, config
    )
    findings = [replayed.get(finding.source, finding) for finding in findings]
    counts = Counter[str](finding.status for finding in findings)
    answer = {
        "market": market,
        "symphonies": [asdict(finding) for finding in findings],
        "counts": {name: counts[name] for name in _STATUS},
        # Without details such as the position of an error in a file.
        "reasons": dict(Counter(f.reason.partition(": ")[0] for f in findings if f.reason).most_common()),
        "missing_tickers": dict(Counter(m["ticker"] for f in findings for m in f.missing).most_common()),
        "remarks": sum(len(finding.remarks) for finding in findings),
        "by_level": {
            "symphonies": sum(finding.by_level for finding in findings),
            "without_raw_prices": sum(finding.no_vote is not None for finding in findings),
        },
    }
    if options.json:
        return {"status": "done", **answer}
    return {"status": "done", "lines": _lines(findings, answer)}


def _sources(targets: Sequence[str]) -> list[Path | str]:
    """List files, those of folders in order, and ids, without duplicates.

    Raises
    ------
    DataError
        A folder contains no symphony file, or a name is neither a file nor an id.
    """
    found: dict[Path | str, None] = {}
    for target in targets:
        path = Path(target)
        if path.is_dir():
            files = document_files(path, deep=True)
            if not files:
                raise DataError(
                    f"{target}: contains no symphony file",
                    hint="symphonies are files named *.json, *.edn, *.clj or *.txt",
                )
            found.update(dict.fromkeys(files))
        elif path.exists():
            found[path] = None
        elif is_identifier(target):
            found[target] = None
        else:
            raise DataError(f"{target}: no such file or folder")
    return list(found)


class _Documents:
    """The documents of all sources: files are read on request, ids are fetched together at the start."""

    def __init__(self, sources: list[Path | str], config: PretrainingConfig) -> None:
        self.sources = sources
        identifiers = [source for source in sources if isinstance(source, str)]
        self._fetched = fetch_documents(identifiers, config) if identifiers else {}
        failures = [answer for answer in self._fetched.values() if isinstance(answer, RlpretrainError)]
        if failures and len(failures) == len(sources):
            raise failures[0]

    def get(self, source: Path | str) -> tuple[str, Mapping[str, Any]]:
        """Return a symphony's name and its document."""
        if isinstance(source, Path):
            return source.stem, read_document(source)
        answer = self._fetched[source]
        if isinstance(answer, RlpretrainError):
            raise answer
        return source, answer


class _Recorded:
    """Records an error of one symphony in its finding, so that the others are checked too."""

    def __init__(self, finding: _Finding) -> None:
        self._finding = finding

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception):
            return error is None
        finding = self._finding
        if finding.status == "supported":
            finding.status = "unsupported"
        if isinstance(error, RlpretrainError):
            reason = error.message.removeprefix(f"{finding.source}: ")
            finding.hint = error.hint
            node = _NODE.match(reason)
            if node:
                finding.path, reason = node.group(1), reason[node.end() :]
            finding.reason = reason
        else:
            finding.reason = f"the engine failed: {type(error).__name__}: {error}"
        return True


def _parse(named: tuple[str, Mapping[str, Any]], finding: _Finding) -> Symphony:
    from rlpretrain.symphony import parse_symphony

    name, document = named
    symphony = parse_symphony(document, symphony_id=name)
    finding.name, finding.nodes = symphony.name, symphony.node_count
    finding.remarks, finding.by_level = list(symphony.remarks), bool(symphony.level_rules)
    return symphony


def _panel(market: str, symphonies: Sequence[Symphony], seed: int) -> PricePanel | None:
    """Load the prices of all symphonies at once; None where the market has none of them."""
    from rlpretrain.commands.prices import load_prices
    from rlpretrain.market import market_symbols

    known = set(market_symbols(market))
    tickers = {ticker for symphony in symphonies for ticker in symphony.tickers}
    return load_prices(market, tickers, seed=seed) if tickers & known else None


def _replay_all(
    parsed: Sequence[tuple[_Finding, Symphony]],
    panel: PricePanel | None,
    window: tuple[Any, Any],
    config: PretrainingConfig,
) -> dict[str, _Finding]:
    """Return the findings of all symphonies that could be parsed, by their sources."""
    from rlpretrain.symphony import work_through

    if panel is None:
        found = _replay_part(window, None, parsed)
    else:
        with counting(len(parsed), "replaying") as show:
            found = work_through(
                parsed,
                panel,
                partial(_replay_part, window),
                workers=config.replay_processes,
                progress=lambda done, _: show(done),
            )
    return {finding.source: finding for finding in found}


def _replay_part(
    window: tuple[Any, Any], evaluator: Evaluator | None, part: Sequence[tuple[_Finding, Symphony]]
) -> list[_Finding]:
    for finding, symphony in part:
        with _Recorded(finding):
            _replay(symphony, evaluator, window, finding)
    return [finding for finding, _ in part]


def _replay(
    symphony: Symphony, evaluator: Evaluator | None, window: tuple[Any, Any], finding: _Finding
) -> None:
    from rlpretrain.symphony.budget import check_cells
    from rlpretrain.symphony.levels import no_vote_reason

    lacking = [t for t in symphony.tickers if evaluator is None or t not in evaluator.panel]
    finding.missing = [{"ticker": ticker, "path": symphony.first_use[ticker]} for ticker in lacking]
    if evaluator is None or lacking:
        finding.status, finding.reason = "lacks_prices", "the market has no prices of a ticker"
        return
    check_cells(symphony, len(evaluator.table(symphony)))
    try:
        replay = evaluator.replay(symphony, start=window[0], end=window[1])
    except SymphonyError as error:
        # A symphony that was parsed and has prices for all its tickers can only lack days.
        finding.status = "lacks_prices"
        finding.reason, finding.hint = error.message.removeprefix(f"{symphony.symphony_id}: "), error.hint
        return
    finding.first_day, finding.last_market_day = str(replay.dates[0]), str(replay.dates[-1])
    finding.days = len(replay.dates)
    finding.no_vote = no_vote_reason(symphony, evaluator.missing_raw_closes(replay))


def _lines(findings: Sequence[_Finding], answer: Mapping[str, Any]) -> Iterator[str]:
    from rlpretrain.symphony.wording import counted_words

    width = min(60, max(len(finding.source) for finding in findings))
    for finding in findings:
        remarks = f", {counted_words(len(finding.remarks), 'remark')}" if finding.remarks else ""
        start = f"{finding.source:<{width}}  {_STATUS[finding.status]:<12}"
        if finding.status == "supported":
            yield f"{start}  {finding.first_day} to {finding.last_market_day}, {finding.nodes:,} nodes{remarks}"
            continue
        if finding.missing:
            tickers = ", ".join(f"{m['ticker']} at {m['path']}" for m in finding.missing)
            yield f"{start}  {tickers}{remarks}"
            continue
        place = f" at {finding.path}" if finding.path else ""
        hint = f" ({finding.hint})" if finding.hint else ""
        yield f"{start}  {finding.reason}{place}{hint}{remarks}"
    counts = answer["counts"]
    yield ""
    yield f"{counted_words(len(findings), 'symphony', 'symphonies')} on {answer['market']}: " + (
        f"{counts['supported']:,} supported, {counts['lacks_prices']:,} without prices, "
        f"{counts['unsupported']:,} unsupported"
    )
    yield from (f"{number:>6}  {reason}" for reason, number in answer["reasons"].items())
    if answer["missing_tickers"]:
        tickers = " ".join(
            ticker if number == 1 else f"{ticker} ({number})"
            for ticker, number in answer["missing_tickers"].items()
        )
        yield f"tickers without prices: {tickers}"
    if answer["by_level"]["symphonies"]:
        by_level, lacking = answer["by_level"].values()
        decide = "1 symphony decides" if by_level == 1 else f"{by_level:,} symphonies decide"
        lack = "1 has" if lacking == 1 else f"{lacking:,} have"
        yield f"{decide} by the level of a price; {lack} no vote in a run, for want of raw prices"
    if answer["remarks"]:
        affected = sum(bool(finding.remarks) for finding in findings)
        yield f"{counted_words(answer['remarks'], 'remark')} on {counted_words(affected, 'symphony', 'symphonies')}"
