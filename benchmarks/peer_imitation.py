"""Speed of behaviour cloning in the library imitation, in a separate environment that has it installed.

Run ``PYTHON benchmarks/peer_imitation.py`` or ``python -m benchmarks.pretraining --imitation PYTHON``. Widths and
batches are the same as there; policy, loss and loader are the library's own; the figure is samples per CPU second on
one thread.
"""

from __future__ import annotations

import json
import time

import gymnasium
import numpy as np
import torch
from imitation.algorithms.bc import BC
from imitation.data.types import Transitions
from stable_baselines3.common.policies import ActorCriticPolicy

WIDTHS = [512, 256, 128]
BATCHES = (256, 1024, 4096)


def main() -> None:
    """Measure, and print one JSON object."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    states, actions = gymnasium.spaces.Box(-5, 5, (64,), np.float32), gymnasium.spaces.Discrete(3)
    found = {}
    for size in BATCHES:
        n = size * max(32, 16_384 // size)
        observations = rng.standard_normal((n, 64), dtype=np.float32)
        demonstrations = Transitions(
            obs=observations,
            acts=(observations[:, 0] > 0).astype(np.int64),
            infos=np.array([{}] * n),
            next_obs=observations,
            dones=np.zeros(n, dtype=bool),
        )
        policy = ActorCriticPolicy(
            states, actions, lambda _: 1e-3, net_arch=WIDTHS, activation_fn=torch.nn.ReLU
        )
        cloning = BC(
            observation_space=states,
            action_space=actions,
            rng=rng,
            policy=policy,
            demonstrations=demonstrations,
            batch_size=size,
        )
        best = 0.0
        for _ in range(3):
            started = time.process_time()
            cloning.train(n_epochs=1, progress_bar=False, log_interval=10**9)
            best = max(best, n / (time.process_time() - started))
        found[str(size)] = round(best)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
