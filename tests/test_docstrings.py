"""The docstring of a function begins with a verb that says what the function does."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.conftest import PROJECT

VERBS = frozenset(  # a block of words, which is easier to read and to add to than a list
    """
    Adapt Add Adjust Align Alternate Analyse Answer Append Apply Archive Ask Average Backtest Begin Blend Break Build
    Buy Call Carry Change Check Choose Classify Clone Close Cluster Combine Compare Compile Compound Compute
    Connect Convert Copy Count Create Cut Decide Declare Decode Defer Delay Describe Divide Do Download Draw
    Drop Elect End Enter Escape Estimate Evaluate Exclude Expand Extract Fetch Fill Find Fine-tune Fit Flush Fold
    Follow Free Freeze Gather Generate Get Group Hash Hold Insert Interpolate Join Keep Label Lay Leave List
    Load Lock Log Look Make Map Mark Merge Migrate Mine Move Name Note Notify Open Order Pack Parse Plot Pool
    Print Project Promote Provide Raise Rank Reach Read Rebuild Recommend Record Refit Register Regress Remove
    Render Renumber Repeat Replace Replay Report Resample Restart Restore Restrict Return Run Sample Scale Score Search
    Select Send Separate Serve Set Settle Show Shrink Shuffle Signal Simulate Sort Split Start Stop Store Stretch Sum
    Summarise Take Test Trade Train Try Turn Undo Unpack Unpause Update Validate Wait Warn Weight Widen Wire
    Withdraw Write Yield
    """.split()  # noqa: SIM905
)
"""Imperative verbs with which a docstring begins.

The first word tells the reader what a function does: it returns or computes, reads or writes, checks or raises. The
list is closed so that one thing has one word. Give, Tell, Say, Let, Bring and Put are not in it, because each stands
for several of the others: "Give the weights" may return, write or set them. Add a verb if none of these says what the
function does.
"""
VAGUE = {"Give", "Tell", "Say", "Let", "Bring", "Put"}
ROOTS = ("rlpretrain", "dags", "plugins")


def offenders(source: str) -> list[str]:
    """Functions whose docstring begins with another word, each as 'line name: word'.

    Properties read like attributes, and are described by noun phrases like them.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node)
        if text is None or any("property" in ast.unparse(one) for one in node.decorator_list):
            continue
        word = text.split(maxsplit=1)[0].rstrip(".,;:")
        if word not in VERBS:
            found.append(f"{node.lineno} {node.name}: {word}")
    return found


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    files = [path for root in ROOTS for path in sorted((PROJECT / root).rglob("*.py"))]
    assert len(files) > 100
    found = [
        f"{path.relative_to(PROJECT)}:{line}"
        for path in files
        for line in offenders(Path(path).read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_the_list_has_verbs_and_none_of_the_vague_ones() -> None:
    assert not VERBS & VAGUE
    assert all((word[0].isupper() and word[1:].islower()) or "-" in word for word in VERBS)


def test_offenders_are_found_wherever_they_are() -> None:
    source = '''
class Weights:
    """The weights of the patterns."""

    @property
    def total(self):
        """Sum of all weights."""

    def one(self):
        """Give one weight."""

    async def all(self):
        """Return all weights."""

        def inner():
            """The weight inside."""

    def silent(self): ...
'''
    assert offenders(source) == ["9 one: Give", "15 inner: The"]
