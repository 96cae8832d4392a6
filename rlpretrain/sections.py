"""Sections of the settings: each contains the settings of one topic, declared once in the room that reads them.

Sections are combined by inheritance. `rlpretrain.settings` combines all of them for users; each stage combines those
that its result depends on, and sees no others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, Self, TypeVar

from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

__all__ = ["Scope", "Section", "SeedSettings", "Standalone", "deployment_setting", "field_of", "run_setting"]

Scope = Literal["run", "deployment"]
SectionT = TypeVar("SectionT", bound="Section")


def run_setting(
    default: Any,
    group: str,
    description: str,
    *,
    title: str,
    choices: Mapping[str, str] | None = None,
    examples: Sequence[str] | None = None,
    short: str | None = None,
    **constraints: Any,
) -> Any:
    """Declare a setting that a user may change for each run; results depend on it.

    Parameters
    ----------
    default
        Value if it is not set.
    group
        Heading of the trigger form under which it appears.
    description
        Text for the form, ``rlpretrain settings`` and the documentation.
    title
        Label in the form.
    choices
        Each possible value, with the words that the form shows for it.
    examples
        Values that the form suggests; any other is possible.
    short
        Name in a section that is used by itself, see `Standalone`.
    constraints
        Arguments of `pydantic.Field`.
    """
    declared: dict[str, Any] = {"group": group, "title": title, "short": short}
    declared |= {"values_display": choices and dict(choices), "examples": examples and list(examples)}
    extra = {"scope": "run", **{name: value for name, value in declared.items() if value}}
    return _field(default, description, extra, constraints)


def deployment_setting(default: Any, description: str, **constraints: Any) -> Any:
    """Declare a setting that belongs to the deployment: set by environment or file, never by a run's form.

    It determines where and how a run works, never its results.
    """
    return _field(default, description, {"scope": "deployment"}, constraints)


def _field(default: Any, description: str, extra: dict[str, Any], constraints: dict[str, Any]) -> Any:
    if isinstance(default, list):
        constraints = {"default_factory": lambda: list(default), **constraints}
    else:
        constraints = {"default": default, **constraints}
    return Field(description=description, json_schema_extra=extra, **constraints)


def field_of(field: FieldInfo, key: str) -> Any:
    """Return an entry of a setting's declaration; `key` is ``scope``, ``group`` or ``short``."""
    extra = field.json_schema_extra
    return extra.get(key) if isinstance(extra, dict) else None


class Section(BaseModel):
    """Some of the settings; frozen, and unknown names are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    @classmethod
    def names(cls, scope: Scope) -> tuple[str, ...]:
        """Return the names of the settings of the run or of the deployment."""
        return _names(cls, scope)

    def part(self, section: type[SectionT]) -> SectionT:
        """Return the settings of a section whose fields these settings include."""
        return section(**{name: getattr(self, name) for name in section.model_fields})

    def changed(self, **values: Any) -> Self:
        """Return these settings with some values changed and checked."""
        own = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**own, **values})

    def of_run(self) -> dict[str, Any]:
        """Return the settings of the run as JSON values; none of them is a secret."""
        return self.model_dump(mode="json", include=set(self.names("run")))

    def digest(self) -> str:
        """Hash the settings of the run, which are those that a result can depend on."""
        return hashlib.sha256(json.dumps(self.of_run(), sort_keys=True).encode()).hexdigest()


@cache
def _names(section: type[Section], scope: Scope) -> tuple[str, ...]:
    return tuple(name for name, field in section.model_fields.items() if field_of(field, "scope") == scope)


class SeedSettings(Section):
    """The seed of everything that is random."""

    seed: int = run_setting(7, "Everything", "One seed, one result.", title="Seed", ge=0, le=2**31 - 1)


class Standalone(Section):
    """A section that is also used by itself, where its settings have short names too.

    Among all settings, the name ``transfer_steps`` makes clear whose steps are meant. In a section about nothing else,
    ``total_steps`` is enough.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        shorts: dict[str, str] = {}
        cls.model_config["alias_generator"] = AliasGenerator(
            validation_alias=lambda name: AliasChoices(name, *filter(None, [shorts.get(name)]))
        )
        for base in cls.__mro__[1:]:
            for name, field in getattr(base, "model_fields", {}).items():
                if short := field_of(field, "short"):
                    shorts[name] = short

    def changed(self, **values: Any) -> Self:
        """Return these settings with some values changed and checked; short names are accepted too."""
        return super().changed(**{self._own_name(name) or name: value for name, value in values.items()})

    def __getattr__(self, name: str) -> Any:
        own = self._own_name(name)
        return getattr(self, own) if own else super().__getattr__(name)  # type: ignore[misc]

    @classmethod
    def _own_name(cls, short: str) -> str | None:
        return next(
            (own for own, field in cls.model_fields.items() if field_of(field, "short") == short), None
        )
