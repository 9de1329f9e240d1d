"""Overrides as a person types them: what Hydra would misread is answered with what to type."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from byzdl.config.folders import CONF, SWEEPS
from byzdl.config.keys import GROUPS
from byzdl.config.quoting import quoted
from byzdl.config.types import ConfigError
from byzdl.config.yamls import names


def checked(words: Sequence[str], folders: Sequence[Path] = ()) -> list[str]:
    """Checks that each word is an override, and that each choice of a group can be one.

    Returns the overrides. A value with special characters, such as `~/images`, is put in quotes.

    - `words`: the overrides, in order
    - `folders`: folders of further choices

    **Raises:** `ConfigError`, one line with what to type.

    >>> checked(["defense=ubar", "dataset.root=~/images"])
    ['defense=ubar', "dataset.root='~/images'"]
    >>> checked(["seed:1"])
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: seed:1: write seed=1
    """
    found = []
    for index, word in enumerate(words):
        _check_form(word, words[index + 1 :])
        word = _readable(word)
        _check_choice(word, [CONF, *folders])
        found.append(word)
    return found


def parsed(word: str) -> Override | None:
    """Parses an override; None if it has no valid form.

    >>> parsed("seed=0,1").is_sweep_override(), parsed("seed=(")
    (True, None)
    """
    with suppress(HydraException):
        (override,) = OverridesParser.create().parse_overrides([word])
        return override
    return None


def key_of(word: str) -> str:
    """The key of an override, without Hydra's marks: `+`, `++`, `~` and `@`.

    >>> key_of("++attack.br=0.1"), key_of("~defense"), key_of("override@x=1")
    ('attack.br', 'defense', 'override')
    """
    return word.partition("=")[0].lstrip("+~").partition("@")[0].strip()


def searched(words: Sequence[str]) -> list[str]:
    """The folders in `hydra.searchpath` among overrides.

    **Raises:** `ConfigError` for anything but a list of folders.

    >>> searched(["seed=1", "hydra.searchpath=[mine,file:///ours]"])
    ['mine', 'file:///ours']
    """
    for word in words:
        if key_of(word) == "hydra.searchpath" and (override := parsed(word)) is not None:
            value = override.value()
            if not isinstance(value, list) or not all(isinstance(folder, str) for folder in value):
                raise ConfigError.of("hydra.searchpath", value, "a list of folders, such as [mine]")
            return [str(folder) for folder in value]
    return []


def is_known(key: str) -> bool:
    """Tells whether a key begins as those of a configuration do.

    >>> is_known("attack.x"), is_known("hydra.run.dir"), is_known("smoke")
    (True, True, False)
    """
    # Imported here, as it reads all YAMLs.
    from byzdl.config.near import known_keys

    roots = {"hydra", "experiment", *(name.partition(".")[0] for name in known_keys())}
    return re.split(r"[./]", key)[0] in roots


def _check_form(word: str, rest: Sequence[str]) -> None:
    key, equals, value = word.partition("=")
    if not key.lstrip("+~").partition("@")[0]:
        raise ConfigError(f"{word}: no key in front of it; write KEY=VALUE, without spaces")
    if equals and key != key.strip():
        raise ConfigError(f"{word}: write {key.strip()}={value.strip()}, without spaces")
    pieces = [word, *_cut_off(word, rest)]
    if len(pieces) > 1:
        joined = "".join(pieces)
        meant = joined if "=" in joined else "=".join(pieces)
        raise ConfigError(f"{' '.join(pieces)}: write {meant}, without spaces")
    if not equals and not key.startswith("~"):
        raise ConfigError(f"{word}: {_meant(word)}")


def _cut_off(word: str, rest: Sequence[str]) -> list[str]:
    """The words that a space has cut off a word: `=1` or `1` behind `seed`, `1` behind `seed=0,`."""
    pieces: list[str] = []
    last = word
    for piece in rest:
        whole = piece.startswith((",", "=")) or (last.endswith((",", "=")) and "=" not in piece)
        bare = not pieces and "=" not in word + piece and is_known(word)
        if not (whole or bare):
            break
        pieces.append(last := piece)
    return pieces


def _readable(word: str) -> str:
    """A word with its values in quotes, if Hydra could not read it otherwise."""
    readable = quoted(word)
    if parsed(readable) is None:
        raise ConfigError(f"{word}: cannot be read; write KEY=VALUE, such as seed=1")
    return readable


def _meant(word: str) -> str:
    """What to type in place of a word that is no override."""
    key, _, value = word.replace("/", ":").partition(":")
    if value and is_known(key.strip()):
        return f"write {key.strip()}={value.strip()}"
    if word in (found.stem for found in SWEEPS.glob("*.yaml")):
        return f"a named sweep is started by byzdl sweep {word}, or by -cd sweeps -cn {word}"
    if groups := [group for group in (*GROUPS, "experiment") if word in names(group)]:
        return f"write {' or '.join(f'{group}={word}' for group in groups)}"
    if is_known(word):
        return f"write {word}=VALUE"
    return "write KEY=VALUE, such as seed=1"


def _check_choice(word: str, folders: Sequence[Path]) -> None:
    key = word.partition("=")[0]
    if key not in (*GROUPS, "experiment") or (override := parsed(word)) is None or override.is_sweep_override():
        return
    value = override.value()
    if isinstance(value, list):
        listed = ",".join(map(str, value))
        raise ConfigError(f"{word}: a run has one {key}; for a sweep write -m {key}={listed}, without brackets")
    if isinstance(value, str) and "*" in value:
        raise ConfigError(f"{word}: write -m '{key}=glob({value})' for a run with each of these choices")
    if not isinstance(value, str | dict):
        raise ConfigError.unknown(key, word.partition("=")[2], names(key, folders))
