"""Pre-trained layers copied into an agent's layers of the same place, where they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer.towers import AgentMismatchError, Layer, Tower

__all__ = ["Heads", "LayerCopy", "LeftLayer", "TowerPlan", "plan_tower"]


@dataclass(frozen=True)
class Heads:
    """How the pre-trained heads become the output layers of an agent.

    Parameters
    ----------
    actions
        The agent's numbers for hold, buy and sell.
    q_temperature
        Difference of the Q values of two actions for each nat between their log-probabilities, in the agent's rewards.
    value_scale
        The agent's rewards for each unit of the pre-trained value; 0 leaves the value out.
    """

    actions: Sequence[int]
    q_temperature: float
    value_scale: float


@dataclass(frozen=True)
class LayerCopy:
    """A pre-trained layer, and where it goes."""

    source: str
    layer: Layer
    weight: torch.Tensor
    bias: torch.Tensor
    rows: tuple[int, ...]
    """The agent's units that become the pre-trained ones."""
    columns: tuple[int, ...]
    """The inputs of the agent's layer that those units read; they read no other at first."""
    norm: nn.LayerNorm | None = None

    @property
    def is_wider(self) -> bool:
        """Whether the agent's layer has more units or inputs than the pre-trained one."""
        return tuple(self.weight.shape) != tuple(self.layer.linear.weight.shape)

    def apply(self) -> None:
        """Write the weights; units beyond the pre-trained ones keep theirs."""
        linear = self.layer.linear
        rows = torch.tensor(self.rows, device=linear.weight.device)
        columns = torch.tensor(self.columns, device=linear.weight.device)
        with torch.no_grad():
            linear.weight[rows] = 0.0
            linear.weight[rows[:, None], columns] = self.weight.to(linear.weight)
            linear.bias[rows] = self.bias.to(linear.bias)
            if self.norm is not None:
                cast(nn.LayerNorm, self.layer.norm).load_state_dict(self.norm.state_dict())


@dataclass(frozen=True)
class LeftLayer:
    """A layer of the agent that keeps its own weights, and why."""

    layer: str
    reason: str


@dataclass(frozen=True)
class TowerPlan:
    """What one tower takes and what it leaves."""

    tower: Tower
    copies: tuple[LayerCopy, ...]
    left: tuple[LeftLayer, ...]
    acts: bool
    """Whether the agent acts by this tower, so that its choices are the network's only if nothing is left."""


def plan_tower(
    network: PolicyNetwork, tower: Tower, columns: Sequence[int], heads: Heads, *, acts: bool
) -> TowerPlan:
    """Return which of the network's layers a tower can take; nothing is written yet.

    Layers are taken from the input on, up to the first that does not fit: a layer means nothing behind another one than
    it was trained behind. A layer fits one of its own shape, and a wider one: the pre-trained units then read
    pre-trained units only, and the output layer reads no other unit at first. The tower so computes exactly what the
    network did, while its other units are as fresh as before (Chen, Goodfellow and Shlens 2016, Net2Net, has widening
    that preserves a function).

    Parameters
    ----------
    columns
        Places of the state vector's numbers in the agent's observation.
    acts
        Whether the agent acts by this tower.

    Raises
    ------
    AgentMismatchError
        The tower reads fewer numbers, its layers do not follow each other or have no bias, or they differ from the
        network's in activation or normalisation.
    """
    _check_chain(tower, max(columns) + 1)
    sources = [network.trunk[i] for i in range(0, len(network.trunk), 2)]
    hidden, output = tower.layers[:-1], tower.layers[-1]
    copies: list[LayerCopy] = []
    left: list[LeftLayer] = []
    for k, (source, layer) in enumerate(zip(sources, hidden, strict=False)):
        linear, norm = _parts(source)
        _check_kind(network, layer, norm)
        reason = _misfit(linear, layer, norm)
        if reason is not None:
            left.append(LeftLayer(layer.name, reason))
            break
        units = tuple(range(linear.out_features))
        copies.append(
            LayerCopy(f"trunk.{2 * k}", layer, linear.weight, linear.bias, units, tuple(columns), norm)
        )
        columns = units
    last = tower.layers[len(copies) - 1].name if copies else "the observation"
    rest = [layer.name for layer in hidden[len(copies) + len(left) :]]
    if left:
        last = left[0].layer
        left += [LeftLayer(name, f"it reads {last}, which was not taken") for name in (*rest, output.name)]
    elif len(hidden) != len(sources):
        sentence = f"the network has {len(sources)} hidden layers, the agent {len(hidden)}"
        left += [LeftLayer(name, sentence) for name in (*rest, output.name)]
    else:
        head = _head(network, tower, columns, heads)
        if isinstance(head, LeftLayer):
            left.append(head)
        else:
            copies.append(head)
    return TowerPlan(tower, tuple(copies), tuple(left), acts)


def _check_chain(tower: Tower, width: int) -> None:
    first = tower.layers[0]
    if first.linear.in_features < width:
        raise AgentMismatchError(
            f"the agent's {first.name} reads {first.linear.in_features} numbers, and the state vector is in {width}"
        )
    for before, after in zip(tower.layers, tower.layers[1:], strict=False):
        if after.linear.in_features != before.linear.out_features:
            raise AgentMismatchError(
                f"the agent's {after.name} reads {after.linear.in_features} numbers, but {before.name}, the layer "
                f"before it, has {before.linear.out_features} units",
                hint="define the layers of a module in the order in which it uses them",
            )
    for layer in tower.layers:
        if layer.linear.bias is None:
            raise AgentMismatchError(f"the agent's {layer.name} has no bias; pre-trained layers have one")


def _check_kind(network: PolicyNetwork, layer: Layer, norm: nn.LayerNorm | None) -> None:
    activation = type(network.trunk[1])
    if layer.activation not in (None, activation):
        raise AgentMismatchError(
            f"the agent's {layer.name} is followed by {layer.activation.__name__}, the network's layers by "
            f"{activation.__name__}",
            hint=f"with stable-baselines3, set policy_kwargs={{'activation_fn': torch.nn.{activation.__name__}}}",
        )
    if (layer.norm is None) != (norm is None):
        which = "has no layer normalisation" if layer.norm is None else "has a layer normalisation"
        raise AgentMismatchError(f"the agent's {layer.name} {which}; the network differs")


def _misfit(source: nn.Linear, layer: Layer, norm: nn.LayerNorm | None) -> str | None:
    units = layer.linear.out_features
    if units < source.out_features:
        return f"it has {units} units, the pre-trained layer {source.out_features}"
    if norm is not None and units > source.out_features:
        return f"it normalises over {units} units, the pre-trained layer over {source.out_features}"
    return None


def _parts(layer: nn.Module) -> tuple[nn.Linear, nn.LayerNorm | None]:
    if isinstance(layer, nn.Linear):
        return layer, None
    linear, norm = cast(nn.Sequential, layer)
    return cast(nn.Linear, linear), cast(nn.LayerNorm, norm)


def _head(
    network: PolicyNetwork, tower: Tower, columns: Sequence[int], heads: Heads
) -> LayerCopy | LeftLayer:
    layer, policy, value = tower.layers[-1], network.policy_head, network.value_head
    rows, places = tuple(heads.actions), tuple(columns)
    if tower.role == "actor":
        return LayerCopy("policy_head", layer, policy.weight, policy.bias, rows, places)
    if tower.role == "critic":
        if not heads.value_scale:
            return LeftLayer(layer.name, "pre-trained values are in units of other rewards (see value_scale)")
        scale = heads.value_scale
        return LayerCopy("value_head", layer, scale * value.weight, scale * value.bias, (0,), places)
    # Q = V + tau (logits - their mean): linear in the last hidden layer, as the agent's Q-network is.
    tau, scale = heads.q_temperature, heads.value_scale
    weight = tau * (policy.weight - policy.weight.mean(dim=0)) + scale * value.weight
    bias = tau * (policy.bias - policy.bias.mean()) + scale * value.bias
    source = "policy_head and value_head" if scale else "policy_head"
    return LayerCopy(source, layer, weight, bias, rows, places)
