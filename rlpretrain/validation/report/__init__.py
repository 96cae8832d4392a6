"""The report: a plain text and one HTML file, from one set of tables."""

from __future__ import annotations

from pathlib import Path

from rlpretrain.runs.files import atomic_path
from rlpretrain.validation.report.data import (
    Advice,
    ClassifierScores,
    FidelityFigures,
    FollowedLibrary,
    Hindsight,
    HindsightWindow,
    LibraryCounts,
    LibraryRecord,
    LibraryState,
    PatternCounts,
    PretrainingFigures,
    PriceFigures,
    PriceRuleFigures,
    RegistryDecision,
    Rejection,
    ReplayFidelity,
    ReportData,
    RunFile,
    TransferFigures,
    WindowDates,
)
from rlpretrain.validation.report.page import html_report
from rlpretrain.validation.report.text import text_report

__all__ = [
    "HTML_REPORT",
    "TEXT_REPORT",
    "Advice",
    "ClassifierScores",
    "FidelityFigures",
    "FollowedLibrary",
    "Hindsight",
    "HindsightWindow",
    "LibraryCounts",
    "LibraryRecord",
    "LibraryState",
    "PatternCounts",
    "PretrainingFigures",
    "PriceFigures",
    "PriceRuleFigures",
    "RegistryDecision",
    "Rejection",
    "ReplayFidelity",
    "ReportData",
    "RunFile",
    "TransferFigures",
    "WindowDates",
    "html_report",
    "render_report",
    "text_report",
]

TEXT_REPORT = "validation_report.txt"
HTML_REPORT = "report.html"


def render_report(data: ReportData, folder: Path) -> tuple[Path, Path]:
    """Write both reports into a folder.

    Equal data give equal bytes.

    Returns
    -------
    text, html
        Paths of ``validation_report.txt`` and ``report.html``.
    """
    paths = folder / TEXT_REPORT, folder / HTML_REPORT
    for path, content in zip(paths, (text_report(data), html_report(data)), strict=True):
        with atomic_path(path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return paths
