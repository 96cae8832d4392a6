"""The project's pages, taken apart: code blocks, inline code, links, headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGES = (
    *(PROJECT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
)

_FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block; `kind` is what stands behind its fence."""

    page: str
    kind: str
    text: str


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return tuple(Block(page.name, match["kind"].strip(), match["text"]) for match in found)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def links(page: Path) -> list[str]:
    """Targets of links and pictures, other than addresses of the web."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, by GitHub's rule."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def shell_lines(page: Path) -> list[str]:
    """Commands in a page: lines of shell blocks, joined where they go on, without comments."""
    lines: list[str] = []
    for block in blocks(page):
        if block.kind in ("bash", "", "sh"):
            joined = block.text.replace("\\\n", " ")
            lines += [re.sub(r"\s+#.*$", "", line).strip() for line in joined.splitlines()]
    return [line for line in lines if line]


def table(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, row by row, without the table's own heading."""
    below = prose(page).partition(f"\n## {heading}\n")[2]
    rows = re.search(r"(?:^\|.*\|\n)+", below, re.MULTILINE)
    lines = [] if rows is None else rows[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
