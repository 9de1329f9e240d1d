"""Describes keys, choices and groups, from their YAMLs and the docstrings of their classes.

Behind `byzdl list` and `byzdl explain`. Classes are imported only when they are needed, since they import torch.
"""

import difflib
import inspect
import re
import textwrap
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pydantic import BaseModel, ValidationError

from byzdl.config.explain import SYNONYMS
from byzdl.config.folders import CONF
from byzdl.config.keys import GROUPS
from byzdl.config.near import near_keys
from byzdl.config.types import ConfigError, expected
from byzdl.config.yamls import Key, keys, names, remark, target

MAIN = CONF / "config.yaml"

# The class of all keys outside of groups. It is looked up by name, as the classes of choices are.
SETTINGS = "byzdl.simulation.settings.Settings"

# What `describe` explains, in an error.
KINDS = "a key such as defense.theta, a choice such as ubar, or a group such as defense"

WIDTH = 110


def choices(group: str) -> dict[str, str]:
    """Lists all choices of a config group, each with a line on what it does.

    The line is the first one of the class's docstring. A choice that shares its class with another one has the first
    line of its YAML in place of it, as has a choice with a class that cannot be imported.

    **Raises:** `ConfigError` for an unknown group.

    >>> list(choices("pre"))
    ['arc', 'bucketing', 'clip', 'nnm', 'none']
    """
    if group not in GROUPS:
        raise ConfigError.unknown("group", group, GROUPS)
    return {name: _line(group, name) for name in names(group)}


def describe(key: str) -> str:
    """Explains a key, a choice or a group: meaning, type, range and default.

    - `key`: a key (`defense.theta`, `rounds`, or without its group, `theta`), a choice (`defense=ubar`, `ubar`) or a
      group (`defense`)

    **Raises:** `ConfigError` for an unknown one, with near matches.

    >>> print(describe("defense.theta").splitlines()[0])
    defense.theta: a finite number
    """
    group, _, choice = key.partition("=")
    if choice:
        if group not in (*GROUPS, "experiment"):
            raise ConfigError.unknown("group", group, (*GROUPS, "experiment"))
        if choice not in names(group):
            raise ConfigError.unknown(group, choice, names(group), meant=_meant(choice))
        return _choice(group, choice)
    if key in GROUPS:
        return _group(key)
    if key == "experiment":
        return "\n\n".join(_choice(key, name) for name in names(key))
    found = [_choice(group, key) for group in (*GROUPS, "experiment") if key in names(group)]
    known = _known()
    paths = [path for path in known if path == key or path.startswith(f"{key}.")]
    if not paths and not found:
        paths = [path for path in known if path.endswith(f".{key}")]
    found += [_key(path, known[path]) for path in paths]
    if not found:
        every = {name for group in (*GROUPS, "experiment") for name in (group, *names(group))}
        # A key, unless a choice or a group is nearer.
        near = [] if _meant(key) or difflib.get_close_matches(key, every, cutoff=0.7) else near_keys(key, known)
        if near:
            raise ConfigError.of("key", key, f"{KINDS} (did you mean {' or '.join(near)}?)")
        raise ConfigError.unknown("key", key, {*known, *every}, KINDS, _meant(key))
    return "\n\n".join(found)


def _meant(name: str) -> str | None:
    return SYNONYMS.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def _file(group: str, choice: str) -> Path:
    return CONF / group / f"{choice}.yaml"


def _known() -> dict[str, dict[str, Key]]:
    """Every key, with the choices that have it. Keys outside of groups have one entry, named ''."""
    known = {path: {"": key} for path, key in keys(MAIN).items()}
    for group in GROUPS:
        for choice in names(group):
            for path, key in keys(_file(group, choice)).items():
                known.setdefault(f"{group}.{path}", {})[choice] = key
    return known


def _class(path: str) -> type[BaseModel] | None:
    """The class of a dotted path; None where it cannot be imported."""
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _of_settings(*path: str) -> type[BaseModel] | None:
    """The class of the settings, or the one of a key in them."""
    found = _class(SETTINGS)
    for key in path:
        inner = found.model_fields[key].annotation if found is not None and key in found.model_fields else None
        found = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return found


def _doc(cls: type[BaseModel] | None) -> str:
    """The docstring of a class, without its examples."""
    paragraphs = inspect.cleandoc(cls.__doc__ or "").split("\n\n") if cls is not None else []
    return "\n\n".join(one for one in paragraphs if not one.startswith(">>>"))


def _line(group: str, choice: str) -> str:
    file = _file(group, choice)
    doc = _doc(_class(target(file))) if _is_alone(group, choice) else ""
    return (doc or remark(file)).partition("\n")[0]


def _is_alone(group: str, choice: str) -> bool:
    """Whether a choice's YAML names its class itself, and is the only one of the group that does."""
    own = target(_file(group, choice), inherited=False)
    return bool(own) and sum(target(_file(group, name), inherited=False) == own for name in names(group)) == 1


def _takes(cls: type[BaseModel] | None, key: str) -> str:
    """What a key takes, in the words of the error for a wrong value."""
    if cls is None or key not in cls.model_fields:
        return ""
    try:
        cls.model_validate({key: object()})
    except ValidationError as error:
        return " or ".join(dict.fromkeys(expected(one) for one in error.errors() if one["loc"][0] == key))
    return ""


def _bullet(cls: type[BaseModel] | None, key: str) -> str:
    """The bullet on a key in the docstring of a class or of one that it inherits from."""
    for one in cls.__mro__ if cls is not None else ():
        doc = inspect.cleandoc(one.__doc__ or "")
        for bullet in re.findall(r"^- (.+(?:\n  .+)*)", doc, re.MULTILINE):
            named, _, said = bullet.partition(": ")
            if f"`{key}`" in re.sub(r"\[.*?\]|\(.*?\)", "", named).split(", "):
                return re.sub(r"\n +", " ", said)
    return ""


def _wrapped(text: str, indent: str = "  ") -> str:
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _table(rows: Sequence[tuple[str, Key]]) -> str:
    """Keys, defaults and comments in columns."""
    left, middle = (
        max((len(name) for name, _ in rows), default=0),
        max((len(key.default) for _, key in rows), default=0),
    )
    indent = " " * (left + middle + 6)
    lines = [f"  {name:{left}s}  {key.default:{middle}s}  {key.comment}".rstrip() for name, key in rows]
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent=indent, break_on_hyphens=False) for line in lines)


def _key(path: str, having: dict[str, Key]) -> str:
    """A key: its type and meaning, and its default in the choices that have it."""
    group, _, inner = path.partition(".")
    if group in GROUPS:
        classes = {choice: _class(target(_file(group, choice))) for choice in having}
    else:
        classes = {"": _of_settings(group) if inner else _of_settings()}
    field = path.rpartition(".")[2]
    meanings = {choice: (_takes(cls, field), _bullet(cls, field)) for choice, cls in classes.items()}
    parts = []
    for takes, meaning in dict.fromkeys(meanings.values()):
        shared: dict[Key, list[str]] = {}
        for choice, key in having.items():
            if meanings[choice] == (takes, meaning):
                shared.setdefault(key, []).append(choice)
        parts += [f"{path}: {takes}" if takes else path, *([_wrapped(meaning)] if meaning else [])]
        parts.append("\n".join(_default(key, group, choices) for key, choices in shared.items()))
    return "\n\n".join(parts)


def _default(key: Key, group: str, having: Sequence[str]) -> str:
    """A default, the choices that have it, and the comment beside it."""
    where = ""
    if having != [""]:
        others = [name for name in names(group) if name not in having]
        every = f"every {group}" + (f" but {', '.join(others)}" if others else "")
        where = f" ({every if len(others) < min(3, len(having)) else ', '.join(having)})"
    return _wrapped(f"default {key.default}{where}" + (f": {key.comment}" if key.comment else ""))


def _choice(group: str, choice: str) -> str:
    """A choice: the docstring of its class, and its keys."""
    file = _file(group, choice)
    of = target(file)
    rows = [(f"{group}.{path}" if of else path, key) for path, key in keys(file).items() if path != "name"]
    doc = _doc(_class(of))
    parts = [
        f"{group}={choice}" + (f": {of}" if of else ""),
        "" if doc and _is_alone(group, choice) else remark(file),
        doc,
        _table(rows),
    ]
    return "\n\n".join(filter(None, parts))


def _group(group: str) -> str:
    """A group: the docstring of its base class, the keys of every choice, and the choices."""
    read = [keys(_file(group, choice)) for choice in names(group)]
    base = CONF / "base" / f"{group}.yaml"
    shared = keys(base) if base.is_file() else {}
    rows = [(f"{group}.{path}", key) for path, key in shared.items() if all(path in one for one in read)]
    listed = [(choice, Key("", line)) for choice, line in choices(group).items()]
    return "\n\n".join(
        filter(None, [f"{group}: one of {len(read)} choices", _doc(_of_settings(group)), _table(rows), _table(listed)])
    )
