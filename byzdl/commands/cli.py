"""What stands between Hydra and a run: plain errors, and the folder that Hydra chose.

Nothing here imports torch: `--help` and tab completion answer at once.
"""

import argparse
import errno
import logging
import os
import re
import sys
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from byzdl.config.explain import WRONG_INPUT, explain
from byzdl.config.folders import CONF
from byzdl.config.identity import identity, plain, register_resolvers
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError
from byzdl.runs.folder import IMPATIENT, RunFolder

SWEPT = {"-m", "--multirun"}
# What Hydra shows instead of computing anything.
SHOWN = {"-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion"}

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)

# A log that a full disk cuts short is no news: the run itself tells why it ended.
logging.raiseExceptions = False

register_resolvers()
# Our settings for clusters complete the configs of the same names that Hydra's plugins bring, as Hydra 1.3 allows.
warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema", UserWarning)
# Hydra looks for plugins in every folder `hydra_plugins` on the path; ours is in there.
sys.path.append(str(Path(__file__).parents[1] / "plugins"))


@contextmanager
def door() -> Iterator[None]:
    """Answer wrong input and full disks with one line and exit code 1, Ctrl-C with 130; anything else keeps its traceback."""
    # Without it Hydra prints errors and exits by itself.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # The current folder, so that a defense of one's own beside one's own configs is found.
    sys.path.append(os.getcwd())
    sys.argv = understood(sys.argv)
    try:
        yield
    except WRONG_INPUT as error:
        sys.exit(f"byzdl: {explain(error)}")
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        sys.exit(f"byzdl: {error}; what is written stays: where it can write, the same command goes on")
    except KeyboardInterrupt:
        print("byzdl: interrupted; the same command computes what is missing", file=sys.stderr)
        sys.exit(130)


def understood(arguments: Sequence[str]) -> list[str]:
    """The command line as Hydra answers it well.

    Of a sweep that is named, `-cd sweeps -cn NAME`, Hydra finds out by composing it; where that fails, it takes it for a single
    run and complains of the wrong thing. So `-m` is put in front.
    """
    sweep = _named_sweep(arguments)
    if sweep is not None and not SHOWN.intersection(arguments) and not SWEPT.intersection(arguments):
        arguments = [arguments[0], "-m", *arguments[1:]]
    if not SWEPT.intersection(arguments):
        return list(arguments)
    parts = [sweep.get("params"), *(sweep.get("cases") or [])] if sweep else []
    return deferred(arguments, {key for part in parts if isinstance(part, dict) for key in part} & set(GROUPS))


def _named_sweep(arguments: Sequence[str]) -> dict[str, Any] | None:
    """What the sweep that is named tells the sweeper; None where none is."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config-dir", "-cd", type=Path, default=CONF)
    parser.add_argument("--config-name", "-cn", default="config")
    # What is no such file, or none as it should be, is told later.
    with suppress(OSError, ValueError, TypeError, AttributeError, yaml.YAMLError, argparse.ArgumentError):
        named, _ = parser.parse_known_args(arguments[1:])
        file = named.config_dir / f"{named.config_name.removesuffix('.yaml')}.yaml"
        hydra = yaml.safe_load(file.read_text(encoding="utf-8")).get("hydra")
        if hydra.get("mode") == "MULTIRUN":
            return dict(hydra.get("sweeper") or {})
    return None


def deferred(arguments: Sequence[str], named: Collection[str] = ()) -> list[str]:
    """The arguments of a multirun, `attack=alie,ipm attack.scope=all` with the value as a sweep of one: `choice(all)`.

    Hydra composes what is no sweep with the default choice before any combination, and that may have no such key.

    - `named`: the groups that a named sweep chooses
    """
    typed = {group for group in GROUPS if any(re.fullmatch(rf"{group}=.*,.*", argument) for argument in arguments)}
    swept = typed.union(named)

    def is_one(argument: str) -> bool:
        key, _, value = argument.partition("=")
        if key.partition(".")[0] not in swept or "." not in key or not value:
            return False
        with suppress(HydraException):  # told later
            (override,) = OverridesParser.create().parse_overrides([argument])
            return not override.is_sweep_override()
        return False

    return [re.sub(r"=(.*)$", r"=choice(\1)", argument) if is_one(argument) else argument for argument in arguments]


def run(config: DictConfig) -> None:
    """Compute one composed configuration into the folder that Hydra chose for it.

    **Raises:** `BusyError` where another process computes it and our launcher would rather do others first.
    """
    from byzdl.runs.execute import execute

    hydra = HydraConfig.get()
    alone = hydra.mode == RunMode.RUN
    folder = Path(hydra.runtime.output_dir)
    patient = IMPATIENT not in os.environ
    try:
        execute(plain(config), folder, progress=alone, patient=patient)
    except ConfigError as error:
        if not alone:
            RunFolder(folder, identity(plain(config))).fail(str(error))
            raise
        with suppress(OSError):
            folder.rmdir()  # only if it is empty: nothing was computed
        sys.exit(f"byzdl: {error}")
