"""The same rules on worlds that Hypothesis thinks up, and makes small where one is wrong."""

import os
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import Compiled
from test_identity import play, random_builds
from worlds import random_life

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "12"))


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(rng=st.randoms(use_true_random=False), count=st.integers(1, 8), is_script=st.booleans())
def test_a_few_worlds_are_what_the_rules_say(
    compiled: Compiled, rng: Random, count: int, is_script: bool
) -> None:
    lives = {10 + number: random_life(rng) for number in range(count)}
    play(compiled, lives, random_builds(rng, compiled), is_script)
