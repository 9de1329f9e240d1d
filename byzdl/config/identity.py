"""A run's identity: a hash over everything that can change its result, and a readable name around it.

Kept free of torch: it is computed for every run of a sweep before anything starts.
"""

import hashlib
import importlib.util
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from byzdl.config.folders import CONF
from byzdl.config.keys import FIRST_NAMES, GROUPS, MACHINE_KEYS, WITHOUT_PRE
from byzdl.config.yamls import names
from byzdl.files import checksum

# Raised when a change of the code changes results on purpose: old runs are then computed anew.
# 3: mimic that begins late or rests, local and oracle behind a pre-step, attack_success_rate on turned images, a backdoor's
# batches at some shares, and bucketing's shuffle are others than under 2.
RESULTS_VERSION = 3


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without_machine(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the machine's keys, classes by their first names, 0 and 0.0 as one value."""

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            items = {str(k): (f"{path}.{k}" if path else str(k), v) for k, v in value.items()}
            return {k: walk(v, p) for k, (p, v) in items.items() if p not in MACHINE_KEYS}
        if isinstance(value, list | tuple):
            return [walk(v, path) for v in value]
        return FIRST_NAMES.get(value, value) if isinstance(value, str) else _number(value)

    return {k: v for k, v in walk(config, "").items() if k != "hydra"}


def identity(config: Mapping[str, Any]) -> str:
    """The hash of a configuration, and of the code of those choices that are not byzdl's own."""
    content = {"results": RESULTS_VERSION, "code": _foreign_code(config), **without_machine(config)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:10]


def run_name(config: Mapping[str, Any]) -> str:
    """What a run's folder is called: readable, unique, and safe as a file name."""
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
    """A composed configuration as plain, resolved containers, without Hydra's own part.

    Local and oracle have no pre-step, whatever was chosen: they are one run, whatever stands in front of other defenses.
    """
    keys = [str(key) for key in config if key != "hydra"]
    chosen: dict[str, Any] = OmegaConf.to_container(OmegaConf.masked_copy(config, keys), resolve=True)  # type: ignore[assignment]
    return {**chosen, "pre": _no_pre()} if _of(chosen, "defense", "name") in WITHOUT_PRE else chosen


def register_resolvers() -> None:
    """Make available to configs what they cannot know by themselves.

    - `${run_name:}`: the name of the run that they describe
    - `${gpus:DEVICE}`: how many of them that takes
    - `${number:X}`: a number as it is written in names, 10.0 as 10
    - `${checksum:PATH}`: of a file, so that what is in it is a part of a run's identity; null where there is none
    - `${choices:GROUP}`: all choices of a config group, those of a `-cd` folder included: `a, b, c`
    """
    OmegaConf.register_new_resolver("run_name", lambda *, _root_: run_name(plain(_root_)), replace=True)
    OmegaConf.register_new_resolver("gpus", lambda device: int(str(device).startswith("cuda")), replace=True)
    OmegaConf.register_new_resolver("number", _number, replace=True)
    OmegaConf.register_new_resolver("checksum", _checksum, replace=True)
    OmegaConf.register_new_resolver("choices", _choices, replace=True)


def data_root(config: Mapping[str, Any]) -> str | None:
    """Where the data lie on this machine, for a data set that is told where; no part of the identity."""
    root = _of(config, "dataset", "root")
    return str(Path(root).expanduser().resolve()) if isinstance(root, str) and root else None


@cache
def _no_pre() -> dict[str, Any]:
    chosen: dict[str, Any] = yaml.safe_load((CONF / "pre" / "none.yaml").read_text(encoding="utf-8"))
    return chosen


def _checksum(path: object) -> str | None:
    try:
        return checksum(Path(path).expanduser()) if isinstance(path, str) else None
    except (OSError, ValueError):  # told later, when the file is read
        return None


def _choices(group: str, *, _root_: DictConfig) -> str:
    sources = OmegaConf.select(_root_, "hydra.runtime.config_sources", default=())
    return ", ".join(names(group, [CONF, *(Path(source.path) for source in sources if source.schema == "file")]))


def _foreign_code(config: Mapping[str, Any]) -> dict[str, str]:
    """A checksum of each file that defines a choice of the user's own: who edits a rule gets new runs."""
    sums = {}
    for group in GROUPS:
        module = str(_of(config, group, "_target_")).rpartition(".")[0]
        if module and module.partition(".")[0] != "byzdl":
            with suppress(ImportError, ValueError):  # told later, when the class is looked up
                spec = importlib.util.find_spec(module)
                if spec is not None and spec.origin is not None and Path(spec.origin).is_file():
                    sums[group] = hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
    return sums


def _name(config: Mapping[str, Any], group: str) -> str:
    return str(_of(config, group, "name"))


def _of(config: Mapping[str, Any], group: str, key: str) -> Any:
    chosen = config.get(group)
    return chosen.get(key, "") if isinstance(chosen, Mapping) else chosen
