"""The command line of `python train.py` as Hydra's own parser reads it: options, and overrides."""

import argparse
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from byzdl.config.compose import prepare_hydra
from byzdl.config.overrides import is_known
from byzdl.config.types import ConfigError

SWEPT = {"-m", "--multirun"}
# With these, Hydra only shows something.
SHOWN = {"-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion"}
# Hydra does one of these at a time.
MODES = ("run", "multirun", "cfg", "info", "shell_completion")


@dataclass(frozen=True)
class Asked:
    """A command line.

    - `program`: the program's name
    - `options`: Hydra's options with their values, as they were typed
    - `overrides`: all other words, wherever they stood
    - `config_dir`, `config_path`, `config_name`: the values of these options; None for one that is not given
    - `base`: the folder behind `--from`, which is byzdl's own option
    - `multirun`, `single`: whether there is `-m`, or `--run`
    - `shown`: whether Hydra only shows something
    """

    program: str
    options: tuple[str, ...]
    overrides: tuple[str, ...]
    config_dir: Path | None = None
    config_path: str | None = None
    config_name: str | None = None
    base: Path | None = None
    multirun: bool = False
    single: bool = False
    shown: bool = False


def asked(arguments: Sequence[str]) -> Asked:
    """Reads a command line.

    - `arguments`: the program's name and its arguments

    **Raises:** `ConfigError` for options that Hydra has not, or that do not go together.

    >>> asked(["train.py", "defense=ubar", "-m", "seed=0,1"]).overrides
    ('defense=ubar', 'seed=0,1')
    >>> asked(["train.py", "--seed=1"])
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: --seed=1: a key takes no dash; write seed=1
    """
    program, *words = arguments
    parser = _parser()
    options = [name for action in parser._actions for name in action.option_strings]
    for index, word in enumerate(words):
        _refuse_dashed_key(word, words[index + 1 :], options)
    found, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        _refuse_option(unknown[0], options)
    if found.experimental_rerun is not None:
        raise ConfigError("--experimental-rerun: write --from and the folder of the run")
    given = [f"--{mode.replace('_', '-')}" for mode in MODES if getattr(found, mode) not in (None, False)]
    if len(given) > 1:
        raise ConfigError(f"{given[0]}: leave it out, or {given[1]}; they do not go together")
    if found.resolve and not (found.cfg or found.help):
        raise ConfigError("--resolve: add --cfg job, whose values it computes")
    if found.base is not None and (found.config_name or found.config_path):
        raise ConfigError("--from: leave out --config-name and --config-path beside it")
    return Asked(
        program=program,
        options=tuple(_options(words, found.overrides)),
        overrides=tuple(found.overrides),
        config_dir=found.config_dir,
        config_path=found.config_path,
        config_name=found.config_name,
        base=found.base,
        multirun=found.multirun,
        single=found.run,
        shown=bool(found.help or found.hydra_help or found.cfg or found.info or found.shell_completion),
    )


def _parser() -> argparse.ArgumentParser:
    """Hydra's parser, with `--from`, and with errors in one line."""
    prepare_hydra()
    from byzdl.sweeping.hydra_internals import get_args_parser

    parser = get_args_parser()
    parser.add_argument("--from", dest="base", type=Path)
    for action in parser._actions:
        if action.dest == "config_dir":
            action.type = Path

    def refuse(message: str) -> NoReturn:
        raise ConfigError(f"{message}; python train.py --help shows what can be written")

    parser.error = refuse  # type: ignore[method-assign]
    return parser


def _refuse_dashed_key(word: str, rest: Sequence[str], options: Sequence[str]) -> None:
    """Refuses a key in the form of an option. Some of them would be read as Hydra's: `-pre=nnm` as `--package re=nnm`."""
    found = re.fullmatch(r"--?([A-Za-z][\w./@-]*)(=.*)?", word)
    if found is None or found[1].replace("-", "_") == "config" or word.partition("=")[0] in options:
        return
    key = found[1].replace("-", "_")
    if is_known(key):
        value = found[2] or (f"={rest[0]}" if rest and not re.match(r"-|.*=", rest[0]) else "=VALUE")
        raise ConfigError(f"{word}: a key takes no dash; write {key}{value}")


def _refuse_option(word: str, options: Sequence[str]) -> NoReturn:
    near = difflib.get_close_matches(word.partition("=")[0], options, n=1, cutoff=0.8)
    hint = f"did you mean {near[0]}?" if near else "python train.py --hydra-help shows all options"
    if word.startswith("--out"):
        hint = "write hydra.run.dir=FOLDER, or hydra.sweep.dir=FOLDER beside -m"
    raise ConfigError(f"{word}: no such option; {hint}")


def _options(words: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The words that are neither overrides nor `--from` with its folder."""
    left, options, skipped = list(overrides), [], False
    for word in words:
        if skipped:
            skipped = False
        elif word == "--from":
            skipped = True
        elif word in left:
            left.remove(word)
        elif not word.startswith("--from="):
            options.append(word)
    return options
