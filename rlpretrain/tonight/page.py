"""The outlook as one HTML file that needs no network, and the template that pages share with it."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from rlpretrain.tonight.outlook import Outlook
from rlpretrain.tonight.text import agent_words

__all__ = ["SHOWN_ASSETS", "outlook_page", "templates"]

SHOWN_ASSETS = 40
"""Assets in the table of votes; real libraries hold hundreds."""


def templates() -> PackageLoader:
    """Return the loader of the room's templates."""
    return PackageLoader("rlpretrain.tonight")


def outlook_page(found: Outlook) -> str:
    """Write an outlook as one HTML file; every text is escaped."""
    environment = Environment(
        loader=templates(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("file.html.j2")
    return page.render(found=found, agent=agent_words(found), most=SHOWN_ASSETS)
