"""A run's identity: a hash over everything that can change its result, and a readable name around it.

Imports no torch, since a sweep computes the identities of all runs before the first one starts.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from byzdl.config.canonical import number, without_machine
from byzdl.config.content import content
from byzdl.config.folders import CONF
from byzdl.config.keys import WITHOUT_PRE
from byzdl.config.references import refuse_missing
from byzdl.config.yamls import names
from byzdl.files import checksum

# Raised with each intended change of results. Then no old run counts as done.
# 3 differs from 2 in: mimic that starts late or pauses, local and oracle behind a pre-step, attack_success_rate on turned
# images, a backdoor's batches at some shares, and bucketing's shuffle.
RESULTS_VERSION = 3


def identity(config: Mapping[str, Any]) -> str:
    """Hashes a configuration, and the content of the user's files behind it, to 10 hexadecimal digits.

    >>> identity({"rounds": 300, "device": "cpu"}) == identity({"rounds": 300, "device": "cuda"})
    True
    """
    code, files, _ = content(config)
    more = {"files": files} if files else {}
    everything = {"results": RESULTS_VERSION, "code": code, **more, **without_machine(config)}
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:10]


def run_name(config: Mapping[str, Any]) -> str:
    """Names the folder of a run: readable, unique, and safe as a file name.

    >>> groups = {"dataset": "digits", "partition": "iid", "attack": "max", "defense": "ubar", "topology": "ring"}
    >>> run_name({"seed": 0, **{group: {"name": name} for group, name in groups.items()}})
    'digits-iid-ring-max-br-ubar-s0-...'
    """
    parts = [
        _name(config, "dataset"),
        _name(config, "partition"),
        f"{_name(config, 'topology')}{_nodes(config)}",
        _name(config, "attack"),
        f"br{number(_of(config, 'attack', 'br'))}",
        *([_name(config, "pre")] if _of(config, "pre", "name") not in (None, "none") else []),
        _name(config, "defense"),
        f"s{number(config.get('seed'))}",
        identity(config),
    ]
    return "-".join(re.sub(r"[^A-Za-z0-9_.]+", "_", part)[:40].lstrip(".") or "_" for part in parts)


def plain(config: DictConfig) -> dict[str, Any]:
    """Turns a composed configuration into plain, resolved containers, without Hydra's own part.

    >>> plain(OmegaConf.create({"rounds": 5, "eval_every": "${rounds}", "hydra": {}}))
    {'rounds': 5, 'eval_every': 5}
    """
    keys = [key for key in config if isinstance(key, str) and key != "hydra"]
    chosen: Any = {key: _written(config, key) for key in keys}
    if "${" in repr(chosen):
        # A copy takes time. But in one without Hydra's own part, no reference leads there.
        chosen = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True)
    refuse_missing(chosen)
    return without_pre(chosen)


def without_pre(config: dict[str, Any]) -> dict[str, Any]:
    """Takes away what has no effect: local and oracle ignore pre-steps.

    With each of them, any chosen pre-step becomes `none`, so that a sweep over pre-steps has one such run.

    >>> without_pre({"defense": {"_target_": "byzdl.defenses.local.Local"}, "pre": {"name": "nnm"}})["pre"]["name"]
    'none'
    """
    return {**config, "pre": _no_pre()} if _of(config, "defense", "_target_") in WITHOUT_PRE else config


def register_resolvers() -> None:
    """Registers the functions that YAMLs call.

    - `${run_name:}`: the name of the configured run
    - `${gpus:DEVICE}`: the number of GPUs that a device needs
    - `${number:X}`: a number as names have it: 10.0 as 10
    - `${checksum:PATH}`: the checksum of a file, which makes its content a part of the identity; null without such a file
    - `${choices:GROUP}`: all choices of a config group as `a, b, c`, with those of a `-cd` folder

    >>> register_resolvers()
    >>> OmegaConf.create({"z": 10.0, "name": "alie z=${number:${z}}"}).name
    'alie z=10'
    """
    OmegaConf.register_new_resolver("run_name", lambda *, _root_: run_name(plain(_root_)), replace=True)
    OmegaConf.register_new_resolver("gpus", lambda device: int(str(device).startswith("cuda")), replace=True)
    OmegaConf.register_new_resolver("number", number, replace=True)
    OmegaConf.register_new_resolver("checksum", _checksum, replace=True)
    OmegaConf.register_new_resolver("choices", _choices, replace=True)


def _written(config: DictConfig, key: str) -> Any:
    """A value as plain containers, with its references as they are; `${}` for one that is a reference itself."""
    if OmegaConf.is_interpolation(config, key):
        return "${}"
    if OmegaConf.is_missing(config, key):
        return "???"
    value = config[key]
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


@cache
def _no_pre() -> dict[str, Any]:
    chosen: dict[str, Any] = yaml.safe_load((CONF / "pre" / "none.yaml").read_text(encoding="utf-8"))
    return chosen


def _checksum(path: object) -> str | None:
    try:
        return checksum(Path(path).expanduser()) if isinstance(path, str) else None
    except (OSError, RuntimeError, ValueError):  # Reported when the file is read.
        return None


def _choices(group: str, *, _root_: DictConfig) -> str:
    sources = OmegaConf.select(_root_, "hydra.runtime.config_sources", default=())
    return ", ".join(names(group, [CONF, *(Path(source.path) for source in sources if source.schema == "file")]))


def _name(config: Mapping[str, Any], group: str) -> str:
    return str(number(_of(config, group, "name")))


def _nodes(config: Mapping[str, Any]) -> str:
    """The number of nodes; `_users` if there are as many as users."""
    n = _of(config, "topology", "n")
    return "_users" if n is None else str(number(n))


def _of(config: Mapping[str, Any], group: str, key: str) -> Any:
    chosen = config.get(group)
    return chosen.get(key, "") if isinstance(chosen, Mapping) else chosen
