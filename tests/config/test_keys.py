"""A wrong value of any key is answered with one line."""

import math
import re

import pytest
from helpers import choices, chosen

from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError

# Wrong for most keys, or for all; what some key takes is no mistake.
ODD = [-1.5, -1, 0, 10**6, math.nan, math.inf, "", "zzz", None, True, [], [1], ["zzz"], {}, {"a": 1}]


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in choices(group)])
def test_a_wrong_value_is_answered_with_its_key_and_what_that_takes(group, name):
    keys = type(chosen(group, name)).model_fields.keys() - {"name"}
    for key in keys:
        answers = [answer(group, name, key, value) for value in ODD]
        assert any(answers), f"{group}.{key} takes anything"
        for line in filter(None, answers):
            # A list's key ends with the place that is wrong.
            assert re.match(rf"{group}\.[a-z_]+(\.\d+)? is .*, but must be (?!Input)", line), line
            assert "\n" not in line


def answer(group, name, key, value):
    """What a choice is refused with, or None where the value is taken."""
    try:
        chosen(group, name, **{key: value})
    except ConfigError as error:
        return str(error)
    return None
