"""Speed of the environments and of RL beside other libraries', in one run: ``python -m benchmarks.environments``.

Everything is measured in CPU seconds of one thread, which other load affects least, and everything takes turns: each
round measures all cases, and the fastest round of each counts. The figures are printed as one JSON object: steps per
CPU second, and ratios.

- ``scalar``: `TradingEnv`, one step at a time.
- ``batched_N``: `BatchedTradingEnv` with N environments; ``numpy_N`` is the least that one can do with numpy: the same
  fills, costs, rewards and states of 64 numbers, written out without any checks, parts or interfaces.
- ``rollout`` and ``rollout_daily``: a policy's greedy run through a window, by look-ahead and day by day; days a
  second.
- ``ppo_*``: training with two networks of 64-512-256-128, on the same 32 environments: ours from random weights,
  beside a frozen prior, and in bfloat16 where the processor has it; ``ppo_sb3`` is stable-baselines3's own loop and
  policy; ``products`` is what the matrix products of the forward and backward passes alone would allow.
- ``processes_2``: runs of several seeds in two processes: how many times faster than in one, if no other program takes
  their cores.

``--peers PYTHON`` names an interpreter that has gym-anytrading, gym-trading-env, finrl, torchtrade and sbx-rl, or some
of them; see `benchmarks/peer_environments.py`. What is missing is said to be missing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.policies import ActorCriticPolicy

from rlpretrain.environments import BatchedTradingEnv, Book, EpisodeData, TradingEnv, rollout
from rlpretrain.environments.episodes import EPISODE_BARS, NUM_ENVS
from rlpretrain.features import POSITION, STATE_DIM
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.pretraining.network import PolicyNetwork
from rlpretrain.transfer import make_agent, train_agent
from rlpretrain.transfer.agent import ROLLOUT_STEPS
from rlpretrain.transfer.settings import TransferConfig
from rlpretrain.validation import trial_runs

WIDTHS = [512, 256, 128]
BARS = 3_750
SIZES = (64, 1_024, 8_192)
ROLLOUT = NUM_ENVS * ROLLOUT_STEPS
TRAINED = 4 * ROLLOUT
COST = 0.0005
PEERS = Path(__file__).with_name("peer_environments.py")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", type=Path, metavar="PYTHON", help="interpreter that has other libraries")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = asset()
    with peers_of(options.peers, data) as (peers, missing):
        rates = in_turn({**environments(data), **rollouts(data), **training(data), **peers}, options.rounds)
    print(
        json.dumps(
            {
                "steps_per_cpu_second": {name: round(rate) for name, rate in rates.items()},
                "ratios": ratios(rates) | {"processes_2": two_processes(data)},
                "missing": missing,
            },
            indent=1,
        )
    )


def asset() -> EpisodeData:
    """Make one asset's days: a random walk, and states of noise."""
    rng = np.random.default_rng(0)
    before, after = np.exp(rng.normal(0, [[0.005], [0.01]], (2, BARS)))
    close = 100 * np.cumprod(before * after)
    return EpisodeData(
        symbol="WALK",
        dates=np.datetime64("2010-01-01") + np.arange(BARS),
        states=rng.normal(size=(BARS, POSITION.start)).astype(np.float32),
        before=before,
        after=after,
        fill_price=close / after,
        volatility=np.full(BARS, 0.011),
        cost=COST,
        bars_per_year=252,
    )


def in_turn(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return each case's best rate over rounds in which all of them are measured."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds + 1):
        for name, measure in cases.items():
            rate = measure()
            if number:  # The first round loads and warms up.
                found[name].append(rate)
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
    return {name: max(rates) for name, rates in found.items()}


def rate_of(steps: int, work: Callable[[], Any]) -> float:
    """Return steps per CPU second of this process."""
    started = time.process_time()
    work()
    return steps / (time.process_time() - started)


def environments(data: EpisodeData) -> dict[str, Callable[[], float]]:
    """Return the cases of one environment and of many."""
    rng = np.random.default_rng(1)
    one = TradingEnv(data, (0, BARS))
    choices = rng.integers(0, 3, 20_000).tolist()

    def scalar() -> None:
        one.reset()
        for action in choices:
            if one.step(action)[3]:
                one.reset()

    cases: dict[str, Callable[[], float]] = {"scalar": lambda: rate_of(len(choices), scalar)}
    for size in SIZES:
        steps = max(2 * EPISODE_BARS, 500_000 // size)
        actions = rng.integers(0, 3, (16, size))
        for name, env in (
            ("batched", BatchedTradingEnv([data], [(0, BARS)], num_envs=size)),
            ("numpy", BareNumpy(data, size)),
        ):

            def many(env: Any = env, steps: int = steps, actions: NDArray[np.integer] = actions) -> None:
                env.reset()
                for step in range(steps):
                    env.step(actions[step % 16])

            cases[f"{name}_{size}"] = lambda size=size, steps=steps, many=many: rate_of(size * steps, many)
    return cases


class BareNumpy:
    """Long or flat in one asset, many times at once, with nothing that is not arithmetic."""

    def __init__(self, data: EpisodeData, size: int) -> None:
        self.states = np.zeros((BARS, STATE_DIM), dtype=np.float32)
        self.states[:, : POSITION.start] = data.states
        self.log_before, self.log_after = np.log(data.before), np.log(data.after)
        self.both, self.scale = self.log_before + self.log_after, 1.0 / data.volatility
        self.size, self.rng = size, np.random.default_rng(0)
        self.paid = -np.log(1.0 - data.cost)

    def reset(self) -> NDArray[np.float32]:
        """Begin everywhere, flat."""
        self.row = self.rng.integers(0, BARS - EPISODE_BARS - 1, self.size)
        self.held = np.zeros(self.size, dtype=bool)
        self.since, self.days, self.left = np.zeros(self.size), np.zeros(self.size), EPISODE_BARS
        return self.states.take(self.row, axis=0)

    def step(self, action: NDArray[np.integer]) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
        """Fill, earn, and look at the next close."""
        target = (action == 1) | (self.held & (action != 2))
        before, after = self.log_before[self.row + 1], self.log_after[self.row + 1]
        earned = self.held * before + target * after - (target ^ self.held) * self.paid
        reward = (earned - 0.5 * (before + after)) * self.scale[self.row]
        self.since = (self.since + self.held * before + after) * target
        self.days = (self.days + 1) * target
        self.held, self.row, self.left = target, self.row + 1, self.left - 1
        if self.left == 0:
            return self.reset(), reward.astype(np.float32), True
        states = self.states.take(self.row, axis=0)
        states[:, 61], states[:, 62], states[:, 63] = target, np.expm1(self.since) * 10.0, self.days * 0.05
        return states, reward.astype(np.float32), False


def rollouts(data: EpisodeData) -> dict[str, Callable[[], float]]:
    """Return the cases of a greedy run, of a network with random weights, which seldom trades."""
    policy = network().act
    window = (BARS - 751, BARS)

    def daily() -> None:
        book, state = Book(1), np.empty((1, STATE_DIM), dtype=np.float32)
        for row in range(window[0], window[1] - 1):
            state[0, : POSITION.start], state[0, POSITION] = data.states[row], book.features()[0]
            book.step(policy(state), data.before[row + 1], data.after[row + 1], data.cost)

    return {
        "rollout": lambda: rate_of(750, lambda: rollout(policy, data, [window])),
        "rollout_daily": lambda: rate_of(750, daily),
    }


def network() -> PolicyNetwork:
    """Make a network with random weights."""
    torch.manual_seed(0)
    return PolicyNetwork(Scaler(np.zeros(STATE_DIM, np.float32), np.ones(STATE_DIM, np.float32)), WIDTHS)


def training(data: EpisodeData) -> dict[str, Callable[[], float]]:
    """Return the cases of training."""
    prior = network()

    def env() -> BatchedTradingEnv:
        return BatchedTradingEnv([data], [(0, BARS)], num_envs=NUM_ENVS, episode_bars=EPISODE_BARS)

    def ours(strategy: str | None, precision: str = "float32") -> None:
        config = TransferConfig(strategy=strategy or "fine_tuning", rl_precision=precision)
        train_agent(
            make_agent(env(), prior, seed=0),
            None if strategy is None else prior,
            config.changed(critic_warmup_steps=0),
            total_steps=TRAINED,
            checkpoints=[],
            watch=lambda *_: None,
        )

    def theirs() -> None:
        PPO(
            ActorCriticPolicy,
            env(),
            gamma=0.97,
            ent_coef=0.01,
            n_steps=ROLLOUT_STEPS,
            batch_size=ROLLOUT // 4,
            n_epochs=4,
            policy_kwargs={
                "net_arch": {"pi": WIDTHS, "vf": WIDTHS},
                "activation_fn": torch.nn.ReLU,
                "ortho_init": False,
            },
            seed=0,
            device="cpu",
        ).learn(TRAINED, log_interval=None)  # type: ignore[arg-type]

    cases: dict[str, Callable[[], Any]] = {
        "ppo_sb3": theirs,
        "ppo": lambda: ours(None),
        "ppo_fine_tuning": lambda: ours("fine_tuning"),
        "ppo_residual": lambda: ours("residual"),
        "products": lambda: products(torch.float32),
    }
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # There is no public way to ask.
        cases |= {
            "ppo_bfloat16": lambda: ours(None, "bfloat16"),
            "products_bfloat16": lambda: products(torch.bfloat16),
        }
    return {name: lambda work=work: rate_of(TRAINED, work) for name, work in cases.items()}


def products(kind: torch.dtype) -> None:
    """Multiply the matrices of two networks' passes as training on `TRAINED` steps does: four epochs of batches."""
    shapes = list(zip([STATE_DIM, *WIDTHS], WIDTHS, strict=False))
    batch = ROLLOUT // 4
    inputs = [torch.randn(batch, before).to(kind) for before, _ in shapes]
    weights = [torch.randn(before, after).to(kind) for before, after in shapes]
    gradients = [torch.randn(batch, after).to(kind) for _, after in shapes]
    for _ in range(2 * 4 * TRAINED // batch):
        for layer, (state, weight, gradient) in enumerate(zip(inputs, weights, gradients, strict=True)):
            _ = state @ weight, state.t() @ gradient
            if layer:
                _ = gradient @ weight.t()


class Seeded:
    """Trains from random weights with a seed, in whichever process."""

    def __init__(self, data: EpisodeData, network: PolicyNetwork) -> None:
        self._data, self._network = data, network

    def __call__(self, seed: int) -> float:
        """Return the CPU seconds that it took."""
        torch.set_num_threads(1)
        started = time.process_time()
        env = BatchedTradingEnv([self._data], [(0, BARS)], num_envs=NUM_ENVS, seed=seed)
        make_agent(env, self._network, seed=seed).learn(8 * ROLLOUT)
        return time.process_time() - started


def two_processes(data: EpisodeData) -> float:
    """Return how many times faster twelve runs would be in two processes with a core each.

    The time of a process is its CPU seconds, so that other programs do not count: the longest of the two, with the
    start of both, compared with the sum of all runs in one.
    """
    learner = Seeded(data, network())
    alone = sum(trial_runs.run_trials({"seed": learner}, range(6), processes=1)["seed"]) * 2
    trial_runs._WORTHWHILE = 0.0
    shared = trial_runs.run_trials({"seed": learner}, range(12), processes=2)["seed"]
    # The first run is in this process, the others are in two that live on.
    others = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    longest = max(times.user + times.system for times in others)
    return round(alone / (shared[0] + longest), 2)


@contextmanager
def peers_of(
    python: Path | None, data: EpisodeData
) -> Iterator[tuple[dict[str, Callable[[], float]], list[str]]]:
    """Start the other interpreter; yield its cases, and the names of what it lacks."""
    if python is None:
        yield {}, ["all peers: no --peers was given"]
        return
    process = subprocess.Popen([python, PEERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None  # noqa: S101
    closes = (data.fill_price * data.after).tolist()

    def ask(question: Any) -> Any:
        process.stdin.write(json.dumps(question) + "\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return json.loads(process.stdout.readline())  # type: ignore[union-attr]

    try:
        answer = ask(closes)
        yield {name: lambda name=name: ask(name) for name in answer["cases"]}, answer["missing"]
    finally:
        process.stdin.close()
        process.wait()


def ratios(rates: Mapping[str, float]) -> dict[str, float]:
    """Compare ours with the others where both were measured."""
    scalars = [name for name in rates if name.startswith("peer_scalar_")]
    pairs = {
        **{f"batched_{size}_of_numpy": (f"batched_{size}", f"numpy_{size}") for size in SIZES},
        **{f"scalar_of_{name[12:]}": ("scalar", name) for name in scalars},
        "batched_1024_of_torchtrade": ("batched_1024", "peer_batched_torchtrade"),
        "rollout_of_daily": ("rollout", "rollout_daily"),
        **{
            f"{name}_of_sb3": (name, "ppo_sb3")
            for name in ("ppo", "ppo_fine_tuning", "ppo_residual", "ppo_bfloat16", "peer_ppo_sbx")
        },
        "ppo_of_products": ("ppo", "products"),
    }
    return {
        name: round(rates[own] / rates[other], 2)
        for name, (own, other) in pairs.items()
        if own in rates and other in rates
    }


if __name__ == "__main__":
    main()
