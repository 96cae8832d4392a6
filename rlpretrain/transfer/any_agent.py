"""A pre-trained policy put into somebody else's agent: any of stable-baselines3's, or a module of plain torch."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from rlpretrain.errors import SettingsError
from rlpretrain.pretraining.network import PolicyNetwork, load_model_file
from rlpretrain.transfer.layer_mapping import Heads, LayerCopy, LeftLayer, TowerPlan, plan_tower
from rlpretrain.transfer.policy import soften
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.transfer.state_scaling import ScaledState, put_scaler, refuse_scaled_observations
from rlpretrain.transfer.towers import AgentMismatchError, Role, Tower, find_towers
from rlpretrain.transfer.transfer_report import TakenLayer, TransferReport

__all__ = ["transfer_into"]

_SAME, _ROUNDING = 1e-3, 1e-5
"""Largest difference between the agent's choices and the network's: in nats, and as a share of the largest output."""
_STATES = 256


def transfer_into(
    agent: BaseAlgorithm | nn.Module,
    model_path: Path | str,
    *,
    columns: Sequence[int] | None = None,
    actions: Sequence[int] = (0, 1, 2),
    temperature: float | None = None,
    q_temperature: float = 1.0,
    value_scale: float = 0.0,
) -> TransferReport:
    """Load a pre-trained policy into an agent of your own, before it learns.

    Layers are found by name and shape; see `find_towers` for the names, and `plan_tower` for what fits. Actors get the
    network's logits. Q-networks get ``Q(s, a) = V(s) + tau (l(s, a) - mean of l(s, .))``: differences between actions
    are tau times the differences of log-probability, as in soft Q-learning (Haarnoja et al. 2017, arXiv 1702.08165),
    and the mean over actions is the value, as in duelling networks (Wang et al. 2016, arXiv 1511.06581). Target
    networks get the same. The scaling of states goes in front of the network. An agent that is refused is unchanged.

    Parameters
    ----------
    agent
        A fresh algorithm of stable-baselines3, or a class with its interface; or a torch module.
    model_path
        A file that pre-training wrote.
    columns
        Places of the 64 numbers of the state vector in the agent's observation; by default it has no others.
    actions
        The agent's numbers for hold, buy and sell.
    temperature
        Divisor of the logits in actors; by default the setting `transfer_temperature`'s default.
    q_temperature
        Tau, in the agent's rewards for each nat.
    value_scale
        The agent's rewards for each unit of the pre-trained value head. By default values are left out, because they
        are in units of the patterns' rewards: critics keep their output layer, and V is 0 in Q-networks.

    Returns
    -------
    report
        What was taken, what was not, and why.

    Raises
    ------
    AgentMismatchError
        The agent observes or does something else, no layer fits, its activation or normalisation differs, its
        observations are scaled already, or its `forward` is not what its layers say.
    SettingsError
        A temperature is not above zero.
    DataError
        The file is not a pre-trained network.
    """
    network = load_model_file(model_path).network().eval()
    if temperature is None:
        temperature = TransferConfig().transfer_temperature
    if temperature <= 0 or q_temperature <= 0:
        raise SettingsError(f"temperatures must be above zero, not {temperature} and {q_temperature}")
    module = agent.policy if isinstance(agent, BaseAlgorithm) else agent
    if not isinstance(module, nn.Module):
        raise AgentMismatchError(
            f"a {type(agent).__name__} is neither an agent of stable-baselines3 nor a module of torch"
        )
    if isinstance(agent, BaseAlgorithm):
        refuse_scaled_observations(agent.get_env())
    if isinstance(module, BasePolicy):
        _check_spaces(module, network, columns)
    transfer = _Transfer(
        network, soften(network, temperature), columns, Heads(tuple(actions), q_temperature, value_scale)
    )
    # First into a copy, so that an agent that is refused keeps what it had.
    transfer.put_into(copy.deepcopy(module))
    report, extractor = transfer.put_into(module)
    if isinstance(agent, BaseAlgorithm) and extractor is not None:
        agent.policy_kwargs |= extractor  # `load` builds the policy from them
    return report


class _Transfer:
    """The network on its way into a module."""

    def __init__(
        self, network: PolicyNetwork, softened: PolicyNetwork, columns: Sequence[int] | None, heads: Heads
    ) -> None:
        self.network, self.softened, self.heads = network, softened, heads
        self.width = len(network.scaler.mean)
        self.columns = None if columns is None else list(columns)
        self.places = self.columns or list(range(self.width))
        self.arguments = {"scaler": network.scaler, "columns": self.columns}
        _check_places("columns", self.places, self.width)
        _check_places("actions", heads.actions, network.action_dim)

    def put_into(self, module: nn.Module) -> tuple[TransferReport, dict[str, Any] | None]:
        """Write the layers; return the report, and the `policy_kwargs` of the scaler if it was added."""
        plans = self._plans(module)
        had_none = not any(isinstance(part, ScaledState) for part in module.modules())
        space = getattr(module, "observation_space", None)
        places = put_scaler(module, self.network.scaler, {"observation_space": space, **self.arguments})
        copies = {one.layer.name: one for plan in plans for one in plan.copies}
        for one in copies.values():
            (one if places or one.source != "trunk.0" else _scaled(one, self.network)).apply()
        for part in module.modules():
            optimizer: object = getattr(part, "optimizer", None)
            if isinstance(optimizer, torch.optim.Optimizer):
                optimizer.state.clear()  # momentum of other weights
        acting = [plan for plan in plans if plan.acts]
        complete = not any(plan.left for plan in acting)
        difference = self._difference(module, acting[0].tower) if complete else None
        report = TransferReport(
            taken=tuple(
                TakenLayer(one.source, one.layer.name, tuple(one.weight.shape), one.is_wider)
                for one in copies.values()
            ),
            left=tuple({left.layer: left for plan in plans for left in plan.left}.values()),
            scaler=", ".join(places) or "the first layer, which does not clip at five deviations",
            complete=complete,
            largest_difference=difference,
        )
        added = places and had_none and isinstance(module, BasePolicy)
        extractor = {"features_extractor_class": ScaledState, "features_extractor_kwargs": self.arguments}
        return report, extractor if added else None

    def _plans(self, module: nn.Module) -> list[TowerPlan]:
        towers = find_towers(module, self.network.action_dim)
        if all(tower.role == "critic" for tower in towers):
            raise AgentMismatchError(
                f"the agent has no layer with {self.network.action_dim} outputs, one for each action, whose name says "
                "that it is an actor's or a Q-network's",
                hint="name it like actor, policy, pi, logits or q",
            )
        acts: Role = "actor" if any(tower.role == "actor" for tower in towers) else "q"
        plans = [self._plan(tower, tower.role == acts) for tower in towers]
        acting = [plan for plan in plans if plan.acts]
        if not any(plan.copies for plan in acting):
            left = acting[0].left[0]
            raise AgentMismatchError(
                f"no layer of the agent fits: {left.layer}: {left.reason}",
                hint=f"give it at least the network's widths, {self.network.hidden_dims}",
            )
        return plans

    def _plan(self, tower: Tower, acts: bool) -> TowerPlan:
        network = self.softened if tower.role == "actor" else self.network
        try:
            if self.columns is None and tower.layers[0].linear.in_features != self.width:
                raise AgentMismatchError(
                    f"the agent's {tower.layers[0].name} reads {tower.layers[0].linear.in_features} numbers, the state "
                    f"vector has {self.width}",
                    hint="if the state vector is among them, say where with columns=",
                )
            return plan_tower(network, tower, self.places, self.heads, acts=acts)
        except AgentMismatchError as error:
            if acts:
                raise
            return TowerPlan(tower, (), (LeftLayer(tower.name, error.message),), acts)

    def _difference(self, module: nn.Module, tower: Tower) -> float | None:
        """Return the largest difference of log-probabilities over random states, in nats, if it can be measured.

        Raises
        ------
        AgentMismatchError
            It is larger than rounding makes it.
        """
        generator = torch.Generator().manual_seed(0)
        scale = self.network.scale
        finite = torch.where(torch.isfinite(scale.std), scale.std, torch.ones(()))
        states = scale.mean + finite * torch.randn((_STATES, self.width), generator=generator).clamp(-4, 4)
        output = tower.layers[-1].linear
        observations = torch.zeros(_STATES, tower.layers[0].linear.in_features)
        observations[:, self.places] = states
        seen: list[torch.Tensor] = []
        training = module.training
        module.eval()
        hook = output.register_forward_hook(lambda _, __, outputs: seen.append(outputs.detach()))
        try:
            _ask(module, observations.to(output.weight.device))
        except (NotImplementedError, TypeError):
            return None  # a module without `forward`, or with one that wants more
        finally:
            hook.remove()
            module.train(training)
        if not seen:
            return None
        numbers = seen[-1][:, list(self.heads.actions)].cpu()
        with torch.no_grad():
            if tower.role == "q":
                numbers, wanted = numbers / self.heads.q_temperature, self.network(states)[0]
            else:
                wanted = self.softened(states)[0]
        difference = float((numbers.log_softmax(dim=1) - wanted.log_softmax(dim=1)).abs().max())
        if difference > _SAME + _ROUNDING * float(numbers.abs().max()):
            raise AgentMismatchError(
                f"the agent's choices differ from the network's by {difference:.2g} nats, although all layers fit",
                hint="its forward must use its layers in the order of their definition, and nothing else",
            )
        return difference


def _ask(module: nn.Module, observations: torch.Tensor) -> None:
    with torch.no_grad():
        if isinstance(module, BasePolicy):
            module.predict(observations.cpu().numpy(), deterministic=True)
        else:
            module(observations)


def _scaled(first: LayerCopy, network: PolicyNetwork) -> LayerCopy:
    """Return the first layer for states that are not scaled."""
    weight = first.weight / network.scale.std
    return replace(first, weight=weight, bias=first.bias - weight @ network.scale.mean)


def _check_places(name: str, places: Sequence[int], number: int) -> None:
    if len(places) != number or len(set(places)) != number or min(places) < 0:
        raise AgentMismatchError(f"{name} must be {number} different places, not {list(places)}")


def _check_spaces(policy: BasePolicy, network: PolicyNetwork, columns: Sequence[int] | None) -> None:
    width = len(network.scaler.mean)
    space, actions = policy.observation_space, policy.action_space
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise AgentMismatchError(f"the agent observes {space}; the network reads a vector of {width} numbers")
    if columns is None and space.shape != (width,):
        raise AgentMismatchError(
            f"the agent observes {space.shape[0]} numbers, the network reads {width}",
            hint="if the state vector is among them, say where with columns=",
        )
    if not isinstance(actions, spaces.Discrete) or actions.n != network.action_dim:
        raise AgentMismatchError(
            f"the agent chooses from {actions}; the network has {network.action_dim} actions: hold, buy and sell"
        )
