"""What the pages say is so: links lead somewhere, commands and settings exist, code can be imported."""

from __future__ import annotations

import ast
import json
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from rlpretrain.cli import _parser
from rlpretrain.deployment.runs.settings import run_settings
from rlpretrain.features import STATE_NAMES
from rlpretrain.settings import PretrainingConfig, load_config
from rlpretrain.stages import STAGES
from tests.examples.documents import (
    PAGES,
    PROJECT,
    anchors,
    blocks,
    inline_code,
    links,
    prose,
    shell_lines,
    table,
)  # fmt: skip
from tests.examples.state_table import END, START, state_table

FOREIGN = {
    "pg_dump",
    "exploration_initial_eps",
    "my_agent",
    "oos_sharpe_ratio",
    "from_email",
    "max_strategie",
}
"""Names of other programs, of examples (one misspelt on purpose), and of columns of Composer's."""
MAKE_VARIABLES = {"MARKET", "CATALOGUE", "COMPOSER_URL", "STORE_URL", "TRAINER", "PARAMS", "ARTIFACTS"}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def commands(page: Path, program: str) -> list[list[str]]:
    """Calls of a program in a page's shell blocks and inline code, as words."""
    calls = []
    for line in [*shell_lines(page), *inline_code(page)]:
        words = re.sub(r"^\S*/bin/", "", line.partition(" && ")[0])
        if words.startswith(f"{program} ") and not re.search(r"[|<>]|\.\.\.", words):
            calls.append(shlex.split(words, comments=True)[1:])
    return calls


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}"


def test_every_page_is_in_the_index() -> None:
    index = PROJECT / "docs" / "index.md"
    listed = {target.partition("#")[0] for target in links(index)}
    assert {page.name for page in PAGES if page.parent == index.parent} - {"index.md"} <= listed


@every_page
def test_commands_are_the_programs(page: Path) -> None:
    for words in commands(page, "rlpretrain"):
        options = _parser().parse_args(words)
        for pair in getattr(options, "set", []):
            name, _, value = pair.partition("=")
            load_config(overrides={name: value}, environment={})
        if getattr(options, "config", None) not in (None, "my.yaml"):
            load_config(PROJECT / options.config, environment={})


@every_page
def test_make_knows_its_targets_and_variables(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))
    known = MAKE_VARIABLES | set(re.findall(r"^([A-Z_]+) \?=", makefile, re.MULTILINE))
    for words in commands(page, "make"):
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                assert word in targets, f"{page.name}: make {word}"
                continue
            assert name in known, f"{page.name}: {name} is no variable of make"
            if name == "PARAMS":
                load_config(overrides=run_settings(json.loads(value)), environment={})


@every_page
def test_variables_are_settings(page: Path) -> None:
    """`RLPRETRAIN_X` is a setting, or a file with one, or the deployment's code reads it."""
    code = "".join(p.read_text(encoding="utf-8") for p in (PROJECT / "rlpretrain/deployment").rglob("*.py"))
    for name in re.findall(r"RLPRETRAIN_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")):
        setting = name.removeprefix("RLPRETRAIN_").removesuffix("_FILE").lower()
        in_deployment = name in code or f'"{name.removeprefix("RLPRETRAIN_")}"' in code
        assert setting in PretrainingConfig.model_fields or in_deployment, f"{page.name}: {name}"


@every_page
def test_names_in_the_text_are_names_in_the_code(page: Path) -> None:
    """Settings, fields and functions that a page names in code type occur in the program."""
    roots = ("rlpretrain", "dags", "docker", "benchmarks", "tests/examples", "examples")
    files = [path for root in roots for path in (PROJECT / root).rglob("*") if path.is_file()]
    files.append(PROJECT / "pyproject.toml")  # the marks of tests
    code = "\n".join(p.read_text(encoding="utf-8", errors="ignore") for p in files if p.suffix != ".pyc")
    words = set(re.findall(r"\w+", code)) | set(STATE_NAMES) | FOREIGN
    # tests/test_architecture.py looks for the tests that a page names.
    for snippet in (code for code in inline_code(page) if "::" not in code):
        for name in re.findall(r"(?<![\w/.-])[a-z]+(?:_[a-z0-9]+)+(?![\w/.-])", snippet):
            assert name in words, f"{page.name} names {name}, which the code does not have"


@every_page
def test_python_compiles_and_imports_what_exists(page: Path) -> None:
    for block in blocks(page):
        if block.kind.split()[:1] != ["python"]:
            continue
        tree = compile(block.text, block.page, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rlpretrain"):
                module = import_module(node.module or "")
                for name in node.names:
                    assert hasattr(module, name.name), f"{page.name}: {node.module} has no {name.name}"


def test_the_state_vectors_table_is_the_programs() -> None:
    text = (PROJECT / "docs" / "concepts.md").read_text(encoding="utf-8")
    assert text.partition(START)[2].partition(END)[0] == state_table()


def test_the_table_of_stages_is_the_programs() -> None:
    rows = table(PROJECT / "docs" / "quickstart.md", "The stages")
    assert [(name, does, needs) for name, does, needs, _ in rows] == [
        (f"`{stage.name}`", stage.does, ", ".join(f"`{need.name}`" for need in stage.needs))
        for stage in STAGES
    ]


def test_the_readmes_python_is_run_with_the_apis() -> None:
    run = [block.text for block in blocks(PROJECT / "docs" / "api.md") if block.kind == "python run"]
    readme = [block.text for block in blocks(PROJECT / "README.md") if block.kind.startswith("python")]
    assert readme
    assert set(readme) <= set(run)


def test_pictures_are_small() -> None:
    pictures = [target for target in links(PROJECT / "README.md") if target.endswith(".png")]
    assert pictures
    for target in pictures:
        assert (PROJECT / target).stat().st_size < 400_000, target


def test_pages_have_no_line_of_an_unwrapped_paragraph() -> None:
    for page in PAGES:
        for line in prose(page).splitlines():
            assert len(line) <= 160 or line.startswith(("|", "!", "[")), f"{page.name}: {line[:60]}..."
