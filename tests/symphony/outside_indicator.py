"""What is made of a document that reads the indicator of docs/extending.md, in a process that finds it installed."""

import json
import sys

from rlpretrain.patterns import classify_leaves
from rlpretrain.symphony import Evaluator, parse_symphony
from rlpretrain.symphony.drawing import draw
from rlpretrain.symphony.outline import outline
from tests.symphony import building as b

READ = ("stochastic", {"window": 3}, "AAA")
DOCUMENT = b.root(b.when(READ, "gt", 80, [b.asset("AAA")], [b.asset("BIL")]))
PANEL = b.panel({"AAA": [10, 12, 11, 13, 12, 11, 14], "BIL": [5] * 7})


def main() -> None:
    symphony = parse_symphony(DOCUMENT, symphony_id="x")
    activity = Evaluator(PANEL).activity(symphony)
    result = {
        "held": activity.replay.targets.tolist(),
        "drawn": [str(line) for line in draw(outline(DOCUMENT, symphony))],
        "reasons": [leaf.reasons for leaf in classify_leaves(symphony)],
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
