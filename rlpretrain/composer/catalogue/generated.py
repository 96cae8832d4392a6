"""A catalogue of generated symphonies: varied, realistic, and the same for the same seed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from rlpretrain.composer.catalogue.authors import GeneratedAuthor
from rlpretrain.composer.catalogue.entries import CatalogueEntry
from rlpretrain.composer.catalogue.families import FAMILIES, FAMILY_CYCLE
from rlpretrain.composer.catalogue.identifiers import identifier
from rlpretrain.composer.catalogue.knowing import knowing_tree
from rlpretrain.composer.catalogue.tree_builder import Spelling, TreeBuilder
from rlpretrain.composer.catalogue.universes import UNIVERSES, Universe
from rlpretrain.errors import SettingsError

__all__ = ["GeneratedCatalogue"]

_LARGEST = 50_000
_KNOWING = 3
"""Stream of random numbers that chooses the authors who know a condition, apart from their trees and their edits."""
_FIRST_EDIT, _LAST_EDIT = dt.date(2015, 1, 2), dt.date(2024, 11, 30)

_MOODS = (
    "Quiet",
    "Patient",
    "Restless",
    "Northern",
    "Copper",
    "Second",
    "Plain",
    "Early",
    "Stubborn",
    "Amber",
)
_NOUNS = (
    "Harbor",
    "Engine",
    "Ladder",
    "Compass",
    "Orchard",
    "Signal",
    "Bridge",
    "Lantern",
    "Current",
    "Workshop",
)
_DESCRIPTIONS = (
    "",
    "",
    "Experimental. Please read the tree before you invest.",
    "Copy of an older idea with other windows.",
    "Made for a small account; trades near the close.",
    "Rewritten after the last drawdown.",
)


class GeneratedCatalogue:
    """Symphonies of known families on known themes.

    Symphony i depends on the seed and i alone, so a larger catalogue begins with the smaller one. Families and
    themes alternate, so every part of the catalogue contains all of them.

    Parameters
    ----------
    size
        Number of symphonies, 1 to 50,000.
    seed
        Seed of everything that varies.
    hindsight
        Share of the authors, 0 to 1, that choose their edits by past prices; the others draw them. A larger share
        includes the authors of a smaller one.
    knowing
        Share of the symphonies, 0 to 1, that follow conditions which move the generated market of kind `library`.
        They take the place of those that stand there otherwise, and all others stay as they are. A larger share
        includes the symphonies of a smaller one.

    Attributes
    ----------
    families
        Symphony id -> name of its family, which no answer of the server contains.
    """

    def __init__(self, size: int = 1024, seed: int = 7, hindsight: float = 0.0, knowing: float = 0.0) -> None:
        if not 1 <= size <= _LARGEST:
            raise SettingsError(f"catalogue: size={size} is not between 1 and {_LARGEST}")
        if seed < 0:
            raise SettingsError(f"catalogue: seed={seed} is negative")
        if not 0.0 <= hindsight <= 1.0:
            raise SettingsError(f"catalogue: hindsight={hindsight:g} is not between 0 and 1")
        if not 0.0 <= knowing <= 1.0:
            raise SettingsError(f"catalogue: knowing={knowing:g} is not between 0 and 1")
        families = [_family(seed, index, knowing) for index in range(size)]
        made = [_make(seed, index, family, hindsight) for index, family in enumerate(families)]
        self._entries = tuple(made)
        self.families: Mapping[str, str] = {
            entry.symphony_id: family for entry, family in zip(made, families, strict=True)
        }

    def entries(self) -> Sequence[CatalogueEntry]:
        """Return every symphony."""
        return self._entries


def _family(seed: int, index: int, knowing: float) -> str:
    if np.random.default_rng((seed, index, _KNOWING)).random() < knowing:
        return "knowing"
    return FAMILY_CYCLE[index % len(FAMILY_CYCLE)]


def _make(seed: int, index: int, family: str, hindsight: float) -> CatalogueEntry:
    generator = np.random.default_rng((seed, index))
    symphony_id = identifier(f"symphony/{seed}/{index}")
    spelling = get_args(Spelling)[int(generator.integers(3))]
    build = TreeBuilder(symphony_id, generator, spelling)
    if family == "knowing":
        universe, body = knowing_tree(build)
    else:
        universe = UNIVERSES[index % len(UNIVERSES)]
        body = FAMILIES[family](build, universe)
    if build.chance(0.25):
        body = build.group("Main", build.equal([body]))
    rebalance, corridor = ("daily", None) if family == "knowing" else _rebalancing(build, universe)
    name = f"{build.pick(_MOODS)} {build.pick(_NOUNS)} {universe.name} v{build.integer(1, 9)}.{index}"
    days = build.integer(0, (_LAST_EDIT - _FIRST_EDIT).days)
    document = build.root(name, build.pick(_DESCRIPTIONS), rebalance, corridor, body)
    last_edit = _FIRST_EDIT + dt.timedelta(days=days)
    author = GeneratedAuthor(symphony_id, seed, index, universe, spelling, document, last_edit, hindsight)
    return CatalogueEntry(symphony_id, document, last_edit, author=author)


def _rebalancing(build: TreeBuilder, universe: Universe) -> tuple[str, float | None]:
    """Draw how often to rebalance, in about the proportions of real symphonies."""
    draw = build.integer(1, 100)
    if draw <= 72:
        return "daily", None
    if draw <= 84 or universe.mixed:
        return "none", build.pick((0.025, 0.05, 0.075, 0.1))
    return build.pick(("weekly", "monthly", "monthly", "quarterly", "yearly")), None
