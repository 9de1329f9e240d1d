"""Values that a configuration lacks, `???`, and references to other keys, `${...}`, that lead nowhere."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf.errors import GrammarParseError, OmegaConfBaseException

from byzdl.config.near import known_keys, near_keys
from byzdl.config.types import ConfigError

# What `${NAME:...}` may call: byzdl's own functions, and those of Hydra and OmegaConf.
FUNCTIONS = (
    *("run_name", "number", "checksum", "choices", "gpus"),
    *("oc.env", "oc.select", "oc.decode", "oc.create", "oc.dict.keys", "oc.dict.values"),
    *("hydra", "now", "python_version"),
)

FORM = "a reference reads ${KEY} or ${FUNCTION:...}"


def refuse_missing(config: Mapping[str, Any]) -> None:
    """Refuses `???`, which stands for a value that has to be given.

    - `config`: a configuration, as plain containers

    **Raises:** `ConfigError` for the first key without a value.

    >>> refuse_missing({"topology": {"path": "???"}})
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: topology.path: ??? stands for a value of yours; type topology.path=VALUE
    """
    for key in _missing(config):
        raise ConfigError(_without_value(key))


def led_nowhere(error: OmegaConfBaseException) -> str:
    """Says in one line which key refers to something that is not there.

    >>> from omegaconf import OmegaConf
    >>> try:
    ...     OmegaConf.create({"rounds": "${rounds}"}).rounds
    ... except OmegaConfBaseException as error:
    ...     led_nowhere(error)
    'rounds: it refers to itself, perhaps by way of other keys'
    """
    said = " ".join(str(error).split("full_key:")[0].split())
    key = error.full_key or "a key"
    if found := re.search(r"Missing mandatory value: (\S+)", said):
        return _without_value(found[1])
    if "Recursive interpolation" in said or "RecursionError" in said:
        return f"{key}: it refers to itself, perhaps by way of other keys"
    if found := re.match(r"Interpolation key '(.+)' not found", said):
        near = near_keys(found[1], known_keys())
        return f"{key}: ${{{found[1]}}} is no key of this configuration{_hint(near)}"
    if found := re.match(r"Unsupported interpolation type (\S+)", said):
        last = [name for name in FUNCTIONS if name.rpartition(".")[2] == found[1]]
        near = last or difflib.get_close_matches(found[1], FUNCTIONS, n=1)
        return f"{key}: ${{{found[1]}:...}} is no function{_hint(near) or '; there are ' + ', '.join(FUNCTIONS)}"
    if found := re.search(r"Environment variable '(.+?)' not found", said):
        return f"{key}: the environment has no {found[1]}; ${{oc.env:{found[1]},DEFAULT}} gives a default"
    if found := re.match(r"ConfigError raised while resolving interpolation: (.+)", said):
        return found[1]
    if found := re.match(r"\w+ raised while resolving interpolation: (.+)", said):
        said = re.sub(r"^\S+\(\) missing", "the function lacks", found[1])
    if isinstance(error, GrammarParseError):
        said = FORM
    return f"{key}: {said}" if error.full_key else said


def _missing(value: object, path: str = "") -> Iterator[str]:
    if value == "???":
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _missing(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from _missing(inner, f"{path}[{at}]")


def _without_value(key: str) -> str:
    return f"{key}: ??? stands for a value of yours; type {key.partition('[')[0]}=VALUE"


def _hint(near: list[str]) -> str:
    return f"; did you mean {' or '.join(near)}?" if near else ""
