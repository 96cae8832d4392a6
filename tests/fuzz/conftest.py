"""How long the targets run: FUZZ_EXAMPLES is the number of examples of each; without it they are those of the suite."""

import os

from hypothesis import HealthCheck, settings

if examples := os.environ.get("FUZZ_EXAMPLES"):
    # A fuzzer wants new examples each time, and those that failed before.
    settings.register_profile(
        "long",
        deadline=None,
        max_examples=int(examples),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    settings.load_profile("long")
