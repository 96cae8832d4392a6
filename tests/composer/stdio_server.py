"""An MCP server over stdio for the tests.

With `conformance` it serves the catalogue of that suite; with a path where no file is, it dies at the first backtest.
"""

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rlpretrain.composer import GeneratedCatalogue, serve_stdio
from tests.composer.conftest import AS_OF, ConformanceCatalogue, walk


def main():
    catalogue = GeneratedCatalogue(size=60, seed=3)
    if sys.argv[1:] == ["conformance"]:
        asyncio.run(serve_stdio(ConformanceCatalogue(catalogue), walk, AS_OF))
        return
    mark = Path(sys.argv[1]) if len(sys.argv) > 1 else None

    def backtest(document, start, end, options):
        if mark is not None and not mark.exists():
            mark.touch()
            os._exit(1)
        return walk(document, start, end, options)

    asyncio.run(serve_stdio(catalogue, backtest, AS_OF))


if __name__ == "__main__":
    main()
