"""The params of a sweep, as YAMLs hold them, as overrides."""

from collections.abc import Iterator, Mapping
from typing import Any

from byzdl.config.grammar import text
from byzdl.config.types import ConfigError


def overrides_of(params: Mapping[str, Any], where: str = "hydra.sweeper.params") -> list[str]:
    """Turns params into overrides, each with all its values.

    - A text is what stands behind `=` on the command line: `"ubar,d_krum"`, `"range(0,3)"`.
    - A list holds the values, one an entry: `[ubar, d_krum]`. Where the value itself is a list, it is a list of lists.
    - A mapping holds keys of a group: `attack: {br: [0.1, 0.3]}` is `attack.br: [0.1, 0.3]`.

    **Raises:** `ConfigError` for a key without values.

    >>> overrides_of({"defense": ["ubar", "d_krum"], "seed": "0,1", "augment": [[], ["crop"]]})
    ['defense=ubar,d_krum', 'seed=0,1', "augment=[],['crop']"]
    """
    if not isinstance(params, Mapping):
        raise ConfigError.of(where, params, "keys with their values, such as {defense: [ubar, d_krum], seed: [0, 1]}")
    return list(_lines(params, "", where))


def _lines(params: Mapping[str, Any], prefix: str, where: str) -> Iterator[str]:
    for name, value in params.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _lines(value, f"{key}.", where)
        elif isinstance(value, str):
            yield f"{key}={value}"
        elif isinstance(value, list):
            if not value:
                raise ConfigError.of(
                    f"{where}.{key}", value, "a list of at least one value; for an empty list write [[]]"
                )
            # Not as choice(...), in which Hydra forgets that a text was in quotes.
            yield f"{key}={','.join(map(text, value))}"
        else:
            yield f"{key}={text(value)}"
