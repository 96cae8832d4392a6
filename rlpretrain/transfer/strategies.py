"""Transfer strategies, one row each: what is loaded, which of the actor's layers learn when, and what holds them.

The settings list these rows, so torch is loaded only when an agent is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlpretrain.errors import SettingsError
from rlpretrain.table import Table

if TYPE_CHECKING:
    from rlpretrain.pretraining.dataset import DataSet
    from rlpretrain.pretraining.network import PolicyNetwork
    from rlpretrain.transfer.policy import TradingPolicy
    from rlpretrain.transfer.pulls import Pull
    from rlpretrain.transfer.settings import TransferSettings

__all__ = ["TRANSFER_STRATEGIES", "Start", "TransferStrategy"]


@dataclass(frozen=True)
class Start:
    """What a pull is made of, before any step of RL."""

    policy: TradingPolicy
    prior: PolicyNetwork
    """The softened pre-trained network, frozen."""
    network: PolicyNetwork
    """The pre-trained network as it is, frozen."""
    patterns: Callable[[], DataSet] | None = None
    """Reads the training patterns."""

    def needed_patterns(self) -> DataSet:
        """Return the training patterns.

        Raises
        ------
        SettingsError
            There are none.
        """
        if self.patterns is None:
            raise SettingsError(
                "this transfer strategy needs training patterns",
                hint="pass `patterns=`, a function that reads them",
            )
        return self.patterns()


def _kl(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import KlToPrior

    return KlToPrior(lambda states: start.prior(states)[0])


def _kl_where_better(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import KlWherePriorIsBetter

    return KlWherePriorIsBetter(lambda states: start.prior(states)[0])


def _kl_as_it_is(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import KlToPrior

    # A fresh student is unsure enough, so that its teacher need not be softened.
    return KlToPrior(lambda states: start.network(states)[0])


@dataclass(frozen=True, kw_only=True)
class TransferStrategy:
    """One strategy.

    Parameters
    ----------
    name
        Name of the strategy in the setting `transfer_strategy`.
    description
        Layers that learn, in a few words, which the trigger form shows.
    learning
        Returns the names of the actor's layers that learn at an iteration. Its arguments are all names, from input to
        output (trunk.0, trunk.2, ..., policy_head), the number of rollouts since the critic's warm-up, and the
        settings. The critic always learns; what `freeze_layers` names never does.
    pull
        Loads and returns what is kept small while RL runs, weighed by `kl_coefficient`, which fades with the steps.
    frozen_prior
        Whether the pre-trained policy stays beside fresh layers that correct it, rather than being loaded into them.
        There is then no warm-up of the critic, and the pull has the weight that evidence leaves the prior.
    fresh
        Whether the actor keeps its random weights, so that the pull alone teaches it what the prior knows. There is
        then no warm-up of the critic either.
    roll_in
        Whether the pre-trained policy decides in the first bars of each episode, fewer and fewer, in place of a pull;
        only with `fresh`.
    """

    name: str
    description: str
    learning: Callable[[Sequence[str], int, TransferSettings], Collection[str]] = lambda layers, *_: layers
    pull: Callable[[Start], Pull] = _kl
    frozen_prior: bool = False
    fresh: bool = False
    roll_in: bool = False

    def __post_init__(self) -> None:
        if not (self.name and self.description):
            raise SettingsError(f"the transfer strategy {self.name!r} needs a name and a description")
        if (self.frozen_prior and self.fresh) or (self.roll_in and not self.fresh):
            raise SettingsError(
                f"the transfer strategy {self.name!r} must either load the prior, keep it frozen, or start fresh",
                hint="only one of `frozen_prior` and `fresh` may be set, and `roll_in` needs `fresh`",
            )

    def learning_layers(self, layers: Sequence[str], iteration: int, config: TransferSettings) -> set[str]:
        """Return the names of the layers that learn, those of `freeze_layers` left out.

        Raises
        ------
        SettingsError
            The strategy names a layer that does not exist.
        """
        names = set(self.learning(layers, iteration, config))
        if not names <= set(layers):
            raise SettingsError(
                f"the transfer strategy {self.name!r} names unknown layers {sorted(names - set(layers))}",
                hint=f"the layers are {list(layers)}",
            )
        return names - set(config.freeze_layers)


def _progressive(layers: Sequence[str], iteration: int, config: TransferSettings) -> Collection[str]:
    # The head learns at once; each number of the schedule unfreezes the next layer towards the input.
    freed = sum(iteration >= start for start in config.progressive_unfreeze_schedule)
    return layers[max(0, len(layers) - 1 - freed) :]


def _alignment(kind: str) -> Callable[[Start], Pull]:
    def align(start: Start) -> Pull:
        from rlpretrain.transfer.pulls import Alignment

        return Alignment(start.prior, kind)

    return align


def _l2_sp(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import L2ToStart

    return L2ToStart(start.policy)


def _ewc(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import ElasticWeights

    return ElasticWeights(start.policy, start.needed_patterns())


def _replay(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import Replay

    return Replay(start.policy, start.needed_patterns())


def _distillation(start: Start) -> Pull:
    from rlpretrain.transfer.pulls import Distillation

    return Distillation(start.policy, start.prior, start.needed_patterns())


TRANSFER_STRATEGIES: Table[TransferStrategy] = Table(
    "transfer strategy",
    "rlpretrain.transfer_strategies",
    TransferStrategy,
    (
        TransferStrategy(
            name="fine_tuning",
            description="all, the transferred ones too (fine-tuning)",
        ),
        TransferStrategy(
            name="feature_extraction",
            description="the new heads only (feature extraction)",
            learning=lambda layers, iteration, config: layers[-1:],
        ),
        TransferStrategy(
            name="progressive",
            description="one more at a time, from the output (progressive)",
            learning=_progressive,
        ),
        TransferStrategy(
            name="residual",
            description="fresh ones that correct the frozen policy, which counts for less as evidence grows (residual)",
            frozen_prior=True,
        ),
        TransferStrategy(
            name="gated",
            description="all, held only in states in which the policy is worth more (gated fine-tuning)",
            pull=_kl_where_better,
        ),
        TransferStrategy(
            name="kickstarting",
            description="fresh ones that the policy teaches at first (kickstarting)",
            pull=_kl_as_it_is,
            fresh=True,
        ),
        TransferStrategy(
            name="roll_in",
            description="fresh ones, after the policy has begun each episode (jump-start RL)",
            fresh=True,
            roll_in=True,
        ),
        TransferStrategy(
            name="distillation",
            description="all, with a loss that repeats the policy's choices on patterns (distillation)",
            pull=_distillation,
        ),
        TransferStrategy(
            name="alignment_cosine",
            description="all, with features kept in the policy's directions (alignment, cosine)",
            pull=_alignment("cosine"),
        ),
        TransferStrategy(
            name="alignment_mse",
            description="all, with features kept at the policy's values (alignment, squared error)",
            pull=_alignment("mse"),
        ),
        TransferStrategy(
            name="alignment_cka",
            description="all, with features kept in the policy's geometry (alignment, CKA)",
            pull=_alignment("cka"),
        ),
        TransferStrategy(
            name="l2_sp",
            description="all, with weights kept near the policy's (L2-SP)",
            pull=_l2_sp,
        ),
        TransferStrategy(
            name="ewc",
            description="all, with the weights kept on which the policy's choices depend (EWC)",
            pull=_ewc,
        ),
        TransferStrategy(
            name="replay",
            description="all, with patterns learned again meanwhile (replay)",
            pull=_replay,
        ),
    ),
)
