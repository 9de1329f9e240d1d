"""The keys of all choices, as the YAMLs in `conf/` have them: defaults, and the comments beside them.

A file is read once a process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from byzdl.config.folders import CONF

# Keys of Hydra's own, and the class of a choice.
NO_KEYS = ("defaults", "hydra", "_target_")


@dataclass(frozen=True)
class Key:
    """One key in a YAML.

    - `default`: its value, as it is written there
    - `comment`: the comment beside it; empty if there is none
    """

    default: str
    comment: str


def names(group: str, folders: Sequence[Path] = (CONF,)) -> list[str]:
    """Lists the choices of a config group, in alphabetical order.

    - `folders`: where groups are looked for

    >>> names("pre")
    ['arc', 'bucketing', 'clip', 'nnm', 'none']
    """
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})


def keys(file: Path) -> dict[str, Key]:
    """Reads the keys of a YAML, with those that it inherits through its defaults list.

    A key of a nested mapping is joined by a dot. A comment is inherited where the key has none of its own.

    >>> keys(CONF / "defense" / "ubar.yaml")["rho"].default
    '0.4'
    >>> keys(CONF / "config.yaml")["optimizer.lr"].comment
    'learning rate'
    """
    found: dict[str, Key] = {}
    for one in [*_inherited(file), file]:
        for name, key in _written(one).items():
            inherited = found.get(name)
            found[name] = Key(key.default, key.comment or (inherited.comment if inherited else ""))
    return found


def target(file: Path, inherited: bool = True) -> str:
    """Reads the class that a YAML names as `_target_`; empty if there is none.

    - `inherited`: whether the class may also be one that the YAML inherits

    >>> target(CONF / "attack" / "alie_1.5.yaml")
    'byzdl.attacks.alie.Alie'
    >>> target(CONF / "attack" / "alie_1.5.yaml", inherited=False)
    ''
    """
    files = [*(_inherited(file) if inherited else ()), file]
    named = [str(value) for one in files if (value := _loaded(one).get("_target_"))]
    return named[-1] if named else ""


def remark(file: Path) -> str:
    """Reads the comment at the top of a YAML, without Hydra's `@package`.

    >>> remark(CONF / "model" / "mlp.yaml")
    'One hidden layer.'
    """
    top = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        top.append(line.removeprefix("#").strip())
    return "\n".join(line for line in top if not line.startswith("@package"))


def _inherited(file: Path) -> Iterator[Path]:
    """The files that a choice's defaults list names, and what these inherit: `alie`, `/base/attack@_here_`."""
    defaults = _loaded(file).get("defaults")
    for entry in defaults if isinstance(defaults, list) else ():
        if isinstance(entry, str) and entry != "_self_":
            name = entry.partition("@")[0]
            parent = CONF / f"{name[1:]}.yaml" if name.startswith("/") else file.with_name(f"{name}.yaml")
            if parent.is_file():
                yield from [*_inherited(parent), parent]


@cache
def _loaded(file: Path) -> dict[str, object]:
    loaded = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded if isinstance(loaded, dict) else {}


@cache
def _written(file: Path) -> dict[str, Key]:
    """The keys that a file itself has."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()

    def walk(node: yaml.Node | None, prefix: str = "") -> Iterator[tuple[str, Key]]:
        for name, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if not prefix and name.value in NO_KEYS:
                continue
            if isinstance(value, yaml.MappingNode) and value.value:
                yield from walk(value, f"{prefix}{name.value}.")
                continue
            end = value.end_mark
            beside = lines[end.line][end.column :].strip() if end.line < len(lines) else ""
            comment = beside.removeprefix("#").strip() if beside.startswith("#") else ""
            yield f"{prefix}{name.value}", Key(text[value.start_mark.index : end.index], comment)

    return dict(walk(yaml.compose(text, Loader=yaml.SafeLoader)))
