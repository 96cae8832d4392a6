"""The layers of any agent's network, found by the names of its modules and put in order by their shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from rlpretrain.errors import SettingsError

__all__ = ["AgentMismatchError", "Layer", "Role", "Tower", "find_towers"]

Role = Literal["actor", "critic", "q"]

_WORDS: dict[Role, frozenset[str]] = {
    "q": frozenset({"q", "qf", "qs", "qnet"}),
    "critic": frozenset({"critic", "value", "vf", "v"}),
    "actor": frozenset({"actor", "policy", "pi", "action", "act", "logits", "mu"}),
}
"""Words in the names of modules that say what a layer is for. Layers without any are shared by actor and critic."""


class AgentMismatchError(SettingsError):
    """A pre-trained network cannot be transferred into this agent; the message names what does not match."""


@dataclass
class Layer:
    """A linear layer of an agent, with what follows it."""

    name: str
    linear: nn.Linear
    norm: nn.LayerNorm | None = None
    activation: type[nn.Module] | None = None
    """Class of the activation; None where it is no module, but a call in the agent's `forward`."""


@dataclass(frozen=True)
class Tower:
    """The layers from an agent's observation to one of its outputs."""

    role: Role
    layers: tuple[Layer, ...]

    @property
    def name(self) -> str:
        """Name of the output layer, which no other tower has."""
        return self.layers[-1].name


def find_towers(module: nn.Module, actions: int) -> list[Tower]:
    """Find the actors, critics and Q-networks of an agent.

    The words in a layer's name say what it is for: ``mlp_extractor.policy_net.0`` and ``action_net`` belong to an
    actor, ``value_net`` to a critic, ``q_net.q_net.0`` and ``critic.qf0.0`` to Q-networks; layers like ``body.0`` are
    shared. A tower ends with the layer that has the width of its output: the number of actions, or one for a critic.
    A module in which no name says anything is an actor.

    Parameters
    ----------
    module
        A policy of stable-baselines3, or any module that defines its layers in the order in which it uses them.
    actions
        Number of actions.

    Raises
    ------
    AgentMismatchError
        A module with parameters is neither linear nor a normalisation.
    """
    shared: list[Layer] = []
    begun: dict[Role, list[Layer]] = {}
    towers: list[Tower] = []
    for layer in _layers(module):
        role = _role(layer.name)
        if role is None:
            shared.append(layer)
            continue
        layers = begun.setdefault(role, list(shared))
        layers.append(layer)
        if layer.linear.out_features == (1 if role == "critic" else actions):
            towers.append(Tower(role, tuple(layers)))
            begun[role] = list(shared)
    if not towers and shared and shared[-1].linear.out_features == actions:
        return [Tower("actor", tuple(shared))]
    return towers


def _layers(module: nn.Module) -> Iterator[Layer]:
    """Yield the linear layers in the order of their definition, each with its normalisation and activation."""
    last: Layer | None = None
    for name, leaf in module.named_modules():
        if next(leaf.children(), None) is not None:
            continue
        if isinstance(leaf, nn.Linear):
            if last is not None:
                yield last
            last = Layer(name, leaf)
        elif isinstance(leaf, nn.LayerNorm) and last is not None and last.activation is None:
            last.norm = leaf
        elif any(True for _ in leaf.parameters()):
            raise AgentMismatchError(
                f"the agent's {name} is a {type(leaf).__name__}; a pre-trained network has linear layers only",
                hint="give the agent an MLP over the state vector",
            )
        elif _acts(leaf) and last is not None and last.activation is None:
            last.activation = type(leaf)
    if last is not None:
        yield last


def _acts(leaf: nn.Module) -> bool:
    return type(leaf).__module__ == "torch.nn.modules.activation"


def _role(name: str) -> Role | None:
    """Return what the last word of a name that says so says."""
    for word in reversed(_words(name)):
        for role, words in _WORDS.items():
            if word in words:
                return role
    return None


def _words(name: str) -> Sequence[str]:
    return [word.rstrip("0123456789") for word in re.split(r"[._]", name.lower())]
