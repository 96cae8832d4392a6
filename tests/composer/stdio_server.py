"""An MCP server over stdio for the tests; given a path where no file is, it dies at the first backtest."""

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rlpretrain.composer import GeneratedCatalogue, serve_stdio
from tests.composer.conftest import AS_OF, walk


def main():
    mark = Path(sys.argv[1]) if len(sys.argv) > 1 else None

    def backtest(document, start, end, options):
        if mark is not None and not mark.exists():
            mark.touch()
            os._exit(1)
        return walk(document, start, end, options)

    asyncio.run(serve_stdio(GeneratedCatalogue(size=60, seed=3), backtest, AS_OF))


if __name__ == "__main__":
    main()
