"""Settings written as YAML, in a file or as the text of a flag or variable; whatever is wrong is named.

Dates stay text, so that the setting's own check reads them: PyYAML fails on a date that no calendar has. Aliases are
refused, because a few lines of them can stand for billions of values, or for themselves.
"""

from __future__ import annotations

from typing import Any

import yaml

from rlpretrain.errors import SettingsError

__all__ = ["read_mapping", "read_value"]

_LONGEST = 1 << 20
"""Characters of a text."""
_DEEPEST = 32
"""Lists and mappings within each other."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, without timestamps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_value(text: str, name: str) -> Any:
    """Return the value of the setting `name` that a text stands for.

    Raises
    ------
    SettingsError
        The text cannot be read; the message names the setting.
    """
    node = _compose(text, name)
    return None if node is None else _construct(node, name)


def read_mapping(text: str, source: str) -> dict[str, Any]:
    """Return the settings that a text lists; an empty text lists none.

    Parameters
    ----------
    source
        Name of the text, for messages.

    Raises
    ------
    SettingsError
        The text is not a mapping, or a value cannot be read; the message names the source, and the setting.
    """
    node = _compose(text, source)
    if node is None or (node.tag == "tag:yaml.org,2002:null" and isinstance(node, yaml.ScalarNode)):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise SettingsError(f"{source} must be a mapping of settings to values")
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            line = key.start_mark.line + 1
            raise SettingsError(f"{source} must be a mapping of settings to values; line {line} has no name")
        if key.value in values:
            raise SettingsError(f"{source} sets '{key.value}' twice, again in line {key.start_mark.line + 1}")
        values[key.value] = _construct(value, f"{source}: {key.value}")
    return values


def _compose(text: str, name: str) -> yaml.Node | None:
    if len(text) > _LONGEST:
        raise SettingsError(
            f"{name}: {len(text):,} characters are too many", hint=f"{_LONGEST:,} are allowed"
        )
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                where = f" in line {event.start_mark.line + 1}" if event.start_mark else ""
                raise SettingsError(
                    f"{name}: '*{event.anchor}'{where} is an alias", hint="write the value out"
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise SettingsError(f"{name}: lists within lists are nested more than {_DEEPEST} deep")
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise SettingsError(f"{name}: not valid YAML: {error}") from None


def _construct(node: yaml.Node, name: str) -> Any:
    try:
        return _Loader("").construct_document(node)
    except Exception as error:
        said = str(error) or type(error).__name__
        raise SettingsError(f"{name}: {_shown(node)} cannot be read: {said}") from None


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value if len(node.value) <= 40 else node.value[:40] + "...")
    return f"the value in line {node.start_mark.line + 1}"
