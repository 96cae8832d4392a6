"""Speed of other libraries' environments and PPO, in a separate interpreter that has them installed.

``python -m benchmarks.environments --peers PYTHON`` starts this program and asks it, one line of JSON at a time: first
it sends an asset's closes, and gets the cases that can be measured and the libraries that are missing; then it sends
the name of a case, and gets its steps per CPU second. Each library is used as its documentation shows, with as little
beside the step as it allows. Their environments differ from ours and from each other, in what they see, in costs and
in positions, so the figures compare orders of magnitude.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 4_000
TRAINED = 8_192
WIDTHS = [512, 256, 128]


def main() -> None:
    """Answer questions until there are no more."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # Some libraries print.
    closes = np.array(json.loads(sys.stdin.readline()))
    cases: dict[str, Callable[[], float]] = {}
    missing = []
    for name, build in BUILDERS.items():
        warnings.simplefilter("ignore")  # Gym-Trading-Env turns all warnings into errors.
        try:
            cases[name] = build(closes)
            cases[name]()
        except Exception as error:  # Whatever fails in another library is not ours.
            cases.pop(name, None)
            missing.append(f"{name}: {type(error).__name__}: {error}"[:200])
    print(json.dumps({"cases": list(cases), "missing": missing}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(cases[json.loads(line)]()), file=answers, flush=True)


def _stepper(env: Any, actions: list[Any]) -> Callable[[], float]:
    """Return a function that takes all actions and returns steps per CPU second."""

    def measure() -> float:
        env.reset()
        started = time.process_time()
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return len(actions) / (time.process_time() - started)

    return measure


def _choices(count: int, steps: int = STEPS) -> list[int]:
    return np.random.default_rng(0).integers(0, count, steps).tolist()


def _frame(closes: np.ndarray) -> Any:
    import pandas as pd

    opens = np.concatenate([closes[:1], closes[:-1]])
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    return pd.DataFrame(
        {"open": opens, "high": high, "low": low, "close": closes, "volume": 1e6},
        index=pd.date_range("2010-01-01", periods=len(closes), freq="D", name="date"),
    )


def any_trading(closes: np.ndarray) -> Callable[[], float]:
    """Build gym-anytrading: long or short, a window of one price and its change."""
    from gym_anytrading.envs import StocksEnv

    frame = _frame(closes).rename(columns=str.capitalize)
    env = StocksEnv(df=frame, window_size=1, frame_bound=(1, len(frame)))
    return _stepper(env, _choices(2))


def trading_env(closes: np.ndarray) -> Callable[[], float]:
    """Build Gym-Trading-Env: flat or long, with fees and 61 features."""
    from gym_trading_env.environments import TradingEnv

    frame = _frame(closes)
    noise = np.random.default_rng(0).normal(size=(len(frame), 61)).astype(np.float32)
    for column in range(61):
        frame[f"feature_{column}"] = noise[:, column]
    env = TradingEnv(df=frame, positions=[0, 1], trading_fees=0.0005, verbose=0, max_episode_duration=126)
    return _stepper(env, _choices(2))


def finrl(closes: np.ndarray) -> Callable[[], float]:
    """Build FinRL's StockTradingEnv with one stock and four indicators."""
    # The package itself imports brokers; the environment's file needs none of them.
    place = importlib.util.find_spec("finrl")
    if place is None or place.origin is None:
        raise ModuleNotFoundError("No module named 'finrl'")
    file = Path(place.origin).parent / "meta/env_stock_trading/env_stocktrading.py"
    spec = importlib.util.spec_from_file_location("env_stocktrading", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    frame = _frame(closes).reset_index().assign(tic="WALK", turbulence=0.0)
    indicators = [f"indicator_{i}" for i in range(4)]
    for name in indicators:
        frame[name] = 0.5
    env = module.StockTradingEnv(
        df=frame,
        stock_dim=1,
        hmax=100,
        initial_amount=1_000_000,
        num_stock_shares=[0],
        buy_cost_pct=[0.0005],
        sell_cost_pct=[0.0005],
        reward_scaling=1e-4,
        state_space=1 + 2 + len(indicators),
        action_space=1,
        tech_indicator_list=indicators,
    )
    choices = np.random.default_rng(0).uniform(-1, 1, (STEPS, 1)).astype(np.float32)
    return _stepper(env, list(choices))


def torchtrade(closes: np.ndarray) -> Callable[[], float]:
    """Build TorchTrade's vectorised environment, 1,024 times, with one price and fees."""
    import torch
    from torchtrade.envs.offline.vectorized_sequential import (
        VectorizedSequentialTradingEnv,
        VectorizedSequentialTradingEnvConfig,
    )

    torch.set_num_threads(1)
    frame = _frame(closes).reset_index().rename(columns={"date": "timestamp"})
    frame["features_close"] = frame["close"]
    env = VectorizedSequentialTradingEnv(
        frame,
        VectorizedSequentialTradingEnvConfig(
            num_envs=1_024,
            time_frames="1D",
            window_sizes=1,
            execute_on="1D",
            transaction_fee=0.0005,
            action_levels=[0, 1],
            max_traj_length=126,
        ),
    )
    state = env.reset()
    state["action"] = torch.from_numpy(np.random.default_rng(0).integers(0, 2, 1_024))

    def measure() -> float:
        env.reset()
        started = time.process_time()
        with torch.no_grad():
            for _ in range(120):
                env._step(state)  # Without the checks and copies of `step`.
        return 120 * 1_024 / (time.process_time() - started)

    return measure


def sbx(closes: np.ndarray) -> Callable[[], float]:
    """Build sbx's PPO with our widths and batches, on 32 of gym-anytrading's environments."""
    from gym_anytrading.envs import StocksEnv
    from sbx import PPO
    from stable_baselines3.common.env_util import make_vec_env

    frame = _frame(closes).rename(columns=str.capitalize)
    envs = make_vec_env(lambda: StocksEnv(df=frame, window_size=32, frame_bound=(32, len(frame))), n_envs=32)
    agent = PPO(
        "MlpPolicy",
        envs,
        n_steps=64,
        batch_size=512,
        n_epochs=4,
        policy_kwargs={"net_arch": WIDTHS},
        seed=0,
    )

    def measure() -> float:
        started = time.process_time()
        agent.learn(TRAINED, log_interval=None)
        return TRAINED / (time.process_time() - started)

    return measure


BUILDERS: dict[str, Callable[[np.ndarray], Callable[[], float]]] = {
    "peer_scalar_gym_anytrading": any_trading,
    "peer_scalar_gym_trading_env": trading_env,
    "peer_scalar_finrl": finrl,
    "peer_batched_torchtrade": torchtrade,
    "peer_ppo_sbx": sbx,
}


if __name__ == "__main__":
    main()
