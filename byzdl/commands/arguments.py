"""The command line of `python train.py`, brought into the form that Hydra answers well."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from byzdl.commands.asked import Asked, asked
from byzdl.commands.primary import Primary
from byzdl.config.base import base_of
from byzdl.config.folders import CONF
from byzdl.config.keys import GROUPS
from byzdl.config.overrides import checked, parsed, searched
from byzdl.config.shadows import check_folder, check_folders
from byzdl.config.types import ConfigError


def understood(arguments: Sequence[str]) -> list[str]:
    """Checks a command line, adds `-m` for a named sweep, and defers values that only some choices have.

    Hydra recognises a multirun config (`-cd sweeps -cn NAME`) only after composing it. If that fails it reports a
    single-run error, so `-m` is added first. Options come before overrides, since Hydra reads them in no other order.

    - `arguments`: the program's name and its arguments

    **Raises:** `ConfigError`, one line, for what Hydra would read as something else than was meant.

    >>> understood(["train.py", "attack=alie,ipm", "-m", "attack.scope=all"])
    ['train.py', '-m', 'attack=alie,ipm', 'attack.scope=choice(all)']
    """
    line = asked(arguments)
    main, options = _first_folder(line)
    primary = Primary() if line.base else _primary(line, main)
    folders = check_folders([line.config_dir] if line.config_dir else [], main=main)
    found = searched(line.overrides) or primary.searched
    folders = check_folders([*folders, *check_folders(found, "hydra.searchpath", main)], main=main)
    overrides = checked(line.overrides, folders)
    if line.base is not None:
        options += ["-cn", base_of(line.base, overrides)]
    multirun = _is_sweep(line, primary, overrides)
    if line.single and primary.mode == "MULTIRUN":
        overrides.append("hydra.mode=RUN")
    if multirun and not line.multirun:
        options.insert(0, "-m")
    return [line.program, *options, *(deferred(overrides, primary.swept) if multirun else overrides)]


def deferred(overrides: Sequence[str], named: Collection[str] = ()) -> list[str]:
    """Turns `attack.scope=all` beside `attack=alie,ipm` into a sweep of one value, `choice(all)`.

    Hydra applies an override without a sweep to the default choice before it forms any combination, and the default
    choice may lack the key.

    - `named`: the groups that a named sweep chooses

    >>> deferred(["attack=alie,ipm", "attack.z=1.5", "seed=3"])
    ['attack=alie,ipm', 'attack.z=choice(1.5)', 'seed=3']
    """
    typed = {override.key_or_group for word in overrides if (override := parsed(word)) and override.is_sweep_override()}
    swept = {*typed.intersection(GROUPS), *named}

    def is_single(word: str) -> bool:
        key, _, value = word.partition("=")
        if key.partition(".")[0] not in swept or "." not in key or not value:
            return False
        override = parsed(word)  # None is reported later
        return override is not None and not override.is_sweep_override()

    return [re.sub(r"=(.*)$", r"=choice(\1)", word) if is_single(word) else word for word in overrides]


def _first_folder(line: Asked) -> tuple[Path, list[str]]:
    """The folder that Hydra reads first, and the options, with this folder as Hydra finds it."""
    options = list(line.options)
    if line.config_path is None:
        return CONF, options
    folder = Path(line.config_path)
    check_folder(folder, "--config-path")
    if missing := [group for group in GROUPS if not (folder / group).is_dir()]:
        takes = f"a copy of all of conf/, as it replaces conf/ ({missing[0]}/ is missing); -cd adds a folder to conf/"
        raise ConfigError.of("--config-path", line.config_path, takes)
    # Hydra looks for a relative path beside the module of the command.
    where = next(
        i for i, word in enumerate(options) if line.config_path == word or word.endswith(f"={line.config_path}")
    )
    options[where] = options[where].removesuffix(line.config_path) + str(folder.resolve())
    return folder.resolve(), options


def _primary(line: Asked, main: Path) -> Primary:
    """The named configuration. Hydra looks into its first folder first."""
    folders = [main, *([line.config_dir] if line.config_dir else [])]
    if line.config_dir is not None:
        check_folder(line.config_dir, "--config-dir")
    name = line.config_name or "config"
    return next((found for folder in folders if (found := Primary.read(name, folder)).file), Primary())


def _is_sweep(line: Asked, primary: Primary, overrides: Sequence[str]) -> bool:
    """Whether a command line asks for a sweep, as far as it can be known before Hydra composes it.

    **Raises:** `ConfigError` if it asks for a sweep and for a single run.
    """
    typed = [value for word in overrides if (value := re.fullmatch(r"\+*hydra\.mode=(.*)", word))]
    mode = typed[-1][1] if typed else None
    if line.multirun and mode == "RUN":
        raise ConfigError("hydra.mode is 'RUN', but must be MULTIRUN beside -m; leave one of them out")
    if line.single and mode == "MULTIRUN":
        raise ConfigError("hydra.mode is 'MULTIRUN', but must be RUN beside --run; leave one of them out")
    if line.shown or line.single or mode == "RUN":
        return False
    return line.multirun or "MULTIRUN" in (mode, primary.mode)
