"""An instance of a choice's class as plain values, which its YAML might hold."""

from enum import Enum
from importlib import import_module
from pathlib import PurePath
from types import FunctionType
from typing import Any

import yaml
from pydantic import BaseModel

from byzdl.config.canonical import without_machine
from byzdl.config.content import content
from byzdl.config.folders import CONF
from byzdl.config.live_code import LiveCode, live_code
from byzdl.config.named import is_foreign
from byzdl.config.types import Component


def values(group: str, instance: Component) -> dict[str, Any]:
    """Turns an instance into plain values, with its class as `_target_`.

    A class that no file to import holds comes with a checksum of its source, which makes it a part of the run's identity,
    and with the names of the modules that it uses. The same holds for instances and functions within.

    >>> from byzdl.topology import Ring
    >>> values("topology", Ring(n=6))["_target_"]
    'byzdl.topology.Ring'
    """
    return {"_target_": _target(group, type(instance)), **_code(live_code(type(instance))), **_fields(instance)}


def behind(group: str, instance: Component) -> dict[str, Any]:
    """Lists what an instance of a class from outside of byzdl is made of: its values, code and files. Empty for others.

    Paths of the machine are left out, and so are names.

    >>> from byzdl.topology import Ring
    >>> behind("topology", Ring(n=6))
    {}
    """
    if not is_foreign(type(instance).__module__):
        return {}
    chosen = values(group, instance)
    code, files, _ = content({group: chosen})
    own = {key: value for key, value in chosen.items() if key != "name"}
    return {"values": without_machine({group: own})[group], "code": code, "files": files}


def _fields(instance: BaseModel) -> dict[str, Any]:
    """All fields, with those that a dump would leave out."""
    return {name: _plain(getattr(instance, name)) for name in type(instance).model_fields}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        kind = type(value)
        return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **_code(live_code(kind)), **_fields(value)}
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(inner) for inner in value), key=repr)
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}"
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, type | FunctionType):
        found = live_code(value)
        name = f"{value.__module__}.{value.__qualname__}"
        return {"_target_": name, **_code(found)} if found else name
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        listed = value.tolist()
        return {"_array_": str(value.dtype), "values": listed} if isinstance(listed, list) else listed
    return value


def _code(found: LiveCode | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {"_source_": found.checksum, **({"_uses_": found.uses} if found.uses else {})}


def _target(group: str, kind: type[Component]) -> str:
    """The class's path, as the group's YAMLs have it."""
    for file in sorted((CONF / group).glob("*.yaml")) if kind.__module__.startswith("byzdl.") else ():
        target = str(yaml.safe_load(file.read_text(encoding="utf-8")).get("_target_", ""))
        module, _, name = target.rpartition(".")
        if name == kind.__name__ and getattr(import_module(module), name) is kind:
            return target
    return f"{kind.__module__}.{kind.__qualname__}"
