"""Categories of real symphonies: ``python -m benchmarks.categories --symphonies DIR --market DIR``.

It prints the four scores of each symphony, averaged over the asset-days that it held, then the counts and, for
inspection, the clearest examples of each category with their reasons. With ``--generated N`` it prints instead the
confusion matrix on the generated catalogue, whose families are known.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score

from rlpretrain.composer.catalogue.entries import CatalogueEntry
from rlpretrain.composer.catalogue.generated import GeneratedCatalogue
from rlpretrain.composer.catalogue.symphony_folder import FolderCatalogue
from rlpretrain.errors import SymphonyError
from rlpretrain.market import Floats, PricePanel, load_market
from rlpretrain.patterns import asset_reasons, classify_leaves
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.evidence import CATEGORIES

EXAMPLES = 4
CLEAR = 0.6
"""Score from which a symphony belongs clearly to one category."""


@dataclass(frozen=True)
class Classified:
    """One symphony with its scores and their reasons."""

    symphony_id: str
    name: str
    scores: Floats
    """Scores (4,), averaged over the asset-days held, by weight; they sum to 1."""
    reasons: tuple[str, ...]
    """The most frequent reasons for the asset held most."""

    @property
    def category(self) -> str:
        """Category with the highest score; ``undecided`` if no decision has a category."""
        return CATEGORIES[int(self.scores.argmax())] if np.ptp(self.scores) > 1e-6 else "undecided"


def main() -> None:
    """Print the table, or the confusion matrix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--symphonies", type=Path, help="folder of real symphonies")
    parser.add_argument("--market", default="generated:", help="'generated:...' or a folder of real prices")
    parser.add_argument("--generated", type=int, help="size of a generated catalogue to score instead")
    parser.add_argument("--seed", type=int, default=7, help="seed of the generated catalogue")
    options = parser.parse_args()
    generated = options.market.startswith("generated:")
    panel = load_market(options.market if generated else f"files:{options.market}")
    if options.generated:
        confusions(GeneratedCatalogue(options.generated, options.seed), panel)
    elif options.symphonies:
        table(list(classify(FolderCatalogue(options.symphonies).entries(), panel)))
    else:
        parser.error("give --symphonies or --generated")


def classify(entries: Iterable[CatalogueEntry], panel: PricePanel) -> Iterable[Classified]:
    """Replay symphonies and average their scores over what they held; those that can't be replayed are skipped."""
    evaluator = Evaluator(panel)
    for entry in entries:
        try:
            symphony = parse_symphony(entry.document or {}, symphony_id=entry.symphony_id)
            leaves = classify_leaves(symphony)
            replay = evaluator.replay(symphony, np.array([leaf.scores for leaf in leaves]))
        except SymphonyError as error:
            print(f"skipped {entry.symphony_id}: {error}")
            continue
        if replay.scores is None:
            continue
        total = replay.scores.sum(axis=(0, 1), dtype=np.float64)
        main_asset = replay.tickers[int(replay.targets.sum(axis=0).argmax())]
        yield Classified(
            symphony.symphony_id,
            symphony.name,
            total / total.sum() if total.sum() > 0 else np.full(4, 0.25),
            asset_reasons(leaves).get(main_asset, ()),
        )


def table(found: list[Classified]) -> None:
    """Print one line for each symphony, the counts, and the clearest examples with their reasons."""
    header = " ".join(f"{name:>15}" for name in CATEGORIES)
    print(f"{'symphony':34} {header}  category")
    for item in sorted(found, key=lambda item: (item.category, -item.scores.max())):
        scores = " ".join(f"{score:15.2f}" for score in item.scores)
        print(f"{item.name[:34]:34} {scores}  {item.category}")
    counts, clear = (
        Counter(c.category for c in found),
        Counter(c.category for c in found if c.scores.max() >= CLEAR),
    )
    mean = np.mean([c.scores for c in found], axis=0)
    means = ", ".join(f"{name} {score:.2f}" for name, score in zip(CATEGORIES, mean, strict=True))
    print(f"\n{len(found)} symphonies; mean scores {means}")
    for name, count in counts.most_common():
        print(f"  {name}: {count}, of which {clear[name]} with a score of {CLEAR} or more")
    for name in CATEGORIES:
        print(f"\nclearest of {name}:")
        examples = sorted((c for c in found if c.category == name), key=lambda c: -c.scores.max())
        for item in examples[:EXAMPLES]:
            print(f"  {item.name[:60]}")
            print("".join(f"    {reason}\n" for reason in item.reasons), end="")


def confusions(catalogue: GeneratedCatalogue, panel: PricePanel) -> None:
    """Print macro-F1 and the confusion matrix over the symphonies of the four pure families."""
    pure = [entry for entry in catalogue.entries() if catalogue.families[entry.symphony_id] in CATEGORIES]
    found = list(classify(pure, panel))
    expected = [catalogue.families[item.symphony_id] for item in found]
    named = [item.category for item in found]
    print(f"{len(found)} symphonies, macro-F1 {f1_score(expected, named, average='macro'):.3f}")
    print("rows: family; columns: category;", ", ".join(CATEGORIES))
    print(confusion_matrix(expected, named, labels=list(CATEGORIES)))


if __name__ == "__main__":
    main()
