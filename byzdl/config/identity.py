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

from byzdl.config.content import content
from byzdl.config.folders import CONF
from byzdl.config.keys import FIRST_NAMES, MACHINE_KEYS, WITHOUT_PRE
from byzdl.config.yamls import names
from byzdl.files import checksum

# Raised with each intended change of results. Then no old run counts as done.
# 3 differs from 2 in: mimic that starts late or pauses, local and oracle behind a pre-step, attack_success_rate on turned
# images, a backdoor's batches at some shares, and bucketing's shuffle.
RESULTS_VERSION = 3


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without_machine(config: Mapping[str, Any]) -> dict[str, Any]:
    """Removes the machine's keys, gives each class its first name, and turns whole floats into integers.

    >>> without_machine({"device": "cuda", "optimizer": {"momentum": 0.0}})
    {'optimizer': {'momentum': 0}}
    """

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            items = {str(k): (f"{path}.{k}" if path else str(k), v) for k, v in value.items()}
            return {k: walk(v, p) for k, (p, v) in items.items() if p not in MACHINE_KEYS}
        if isinstance(value, list | tuple):
            return [walk(v, path) for v in value]
        return FIRST_NAMES.get(value, value) if isinstance(value, str) else _number(value)

    return {k: v for k, v in walk(config, "").items() if k != "hydra"}


def identity(config: Mapping[str, Any]) -> str:
    """Hashes a configuration, and the content of the user's files behind it, to 10 hexadecimal digits.

    >>> identity({"rounds": 300, "device": "cpu"}) == identity({"rounds": 300, "device": "cuda"})
    True
    """
    code, files, _ = content(config)
    more = {"files": files} if files else {}
    everything = {"results": RESULTS_VERSION, "code": code, **more, **without_machine(config)}
    return hashlib.sha256(json.dumps(everything, sort_keys=True, default=str).encode()).hexdigest()[:10]


def run_name(config: Mapping[str, Any]) -> str:
    """Names the folder of a run: readable, unique, and safe as a file name.

    >>> groups = {"dataset": "digits", "partition": "iid", "attack": "max", "defense": "ubar", "topology": "ring"}
    >>> run_name({"seed": 0, **{group: {"name": name} for group, name in groups.items()}})
    'digits-iid-ring-max-br-ubar-s0-...'
    """
    parts = [
        _name(config, "dataset"),
        _name(config, "partition"),
        f"{_name(config, 'topology')}{_of(config, 'topology', 'n')}",
        _name(config, "attack"),
        f"br{_of(config, 'attack', 'br')}",
        *([_name(config, "pre")] if _of(config, "pre", "name") not in (None, "none") else []),
        _name(config, "defense"),
        f"s{config.get('seed')}",
        identity(config),
    ]
    return "-".join(re.sub(r"[^A-Za-z0-9_.]+", "_", part)[:40].lstrip(".") or "_" for part in parts)


def plain(config: DictConfig) -> dict[str, Any]:
    """Turns a composed configuration into plain, resolved containers, without Hydra's own part.

    Local and oracle ignore pre-steps. With each of them, any chosen pre-step becomes `none`, so that a sweep over
    pre-steps has one such run.

    >>> plain(OmegaConf.create({"rounds": 5, "eval_every": "${rounds}", "hydra": {}}))
    {'rounds': 5, 'eval_every': 5}
    """
    keys = [str(key) for key in config if key != "hydra"]
    chosen: dict[str, Any] = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True)  # type: ignore[assignment]
    return {**chosen, "pre": _no_pre()} if _of(chosen, "defense", "name") in WITHOUT_PRE else chosen


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
    OmegaConf.register_new_resolver("number", _number, replace=True)
    OmegaConf.register_new_resolver("checksum", _checksum, replace=True)
    OmegaConf.register_new_resolver("choices", _choices, replace=True)


def data_root(config: Mapping[str, Any]) -> str | None:
    """Finds the folder of the data on this machine; None for a data set without one. It is no part of the identity.

    >>> data_root({"dataset": {"root": "/data/../images"}})
    '/images'
    """
    root = _of(config, "dataset", "root")
    return str(Path(root).expanduser().resolve()) if isinstance(root, str) and root else None


@cache
def _no_pre() -> dict[str, Any]:
    chosen: dict[str, Any] = yaml.safe_load((CONF / "pre" / "none.yaml").read_text(encoding="utf-8"))
    return chosen


def _checksum(path: object) -> str | None:
    try:
        return checksum(Path(path).expanduser()) if isinstance(path, str) else None
    except (OSError, ValueError):  # Reported when the file is read.
        return None


def _choices(group: str, *, _root_: DictConfig) -> str:
    sources = OmegaConf.select(_root_, "hydra.runtime.config_sources", default=())
    return ", ".join(names(group, [CONF, *(Path(source.path) for source in sources if source.schema == "file")]))


def _name(config: Mapping[str, Any], group: str) -> str:
    return str(_of(config, group, "name"))


def _of(config: Mapping[str, Any], group: str, key: str) -> Any:
    chosen = config.get(group)
    return chosen.get(key, "") if isinstance(chosen, Mapping) else chosen
