"""What stands between Hydra and a run: plain errors, and the folder that Hydra chose.

Nothing here imports torch: `--help` and tab completion answer at once.
"""

import difflib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from byzdl.identity import GROUPS, identity, plain, register_resolver
from byzdl.runs import RunFolder
from byzdl.schema import ConfigError

register_resolver()
# Hydra looks for plugins in every folder `hydra_plugins` on the path; ours is in there.
sys.path.append(str(Path(__file__).parent / "plugins"))


@contextmanager
def door() -> Iterator[None]:
    """Answer wrong input with one line and exit code 1, Ctrl-C with 130; anything else keeps its traceback."""
    # Without it Hydra prints errors and exits by itself.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # The current folder, so that a defense of one's own beside one's own configs is found.
    sys.path.append(os.getcwd())
    try:
        yield
    except (ConfigError, HydraException, OmegaConfBaseException) as error:
        sys.exit(f"byzdl: {explain(error)}")
    except KeyboardInterrupt:
        print("byzdl: interrupted; the same command goes on with what is missing", file=sys.stderr)
        sys.exit(130)


def run(config: DictConfig) -> None:
    """Compute one composed configuration into the folder that Hydra chose for it."""
    from byzdl.run import execute

    hydra = HydraConfig.get()
    alone = hydra.mode == RunMode.RUN
    folder = Path(hydra.runtime.output_dir)
    try:
        execute(plain(config), folder, progress=alone)
    except ConfigError as error:
        if not alone:
            RunFolder(folder, identity(plain(config))).fail(str(error))
            raise
        with suppress(OSError):
            folder.rmdir()  # only if it is empty: nothing was computed
        sys.exit(f"byzdl: {error}")


def explain(error: Exception) -> str:
    """One line for what was wrong in a configuration, with near matches for an unknown name."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        return str(ConfigError.unknown(group or "config", choice, error.options))
    line = str(error).strip().splitlines()[0]
    if isinstance(error, ConfigCompositionException) and (found := re.search(r"override '([^'@]+)'", line)):
        return _unknown_key(found[1])
    return line


def _unknown_key(key: str) -> str:
    """Which choices have such a key, or which keys are near."""
    known = _known_keys()
    if key in known:
        group, _, _ = key.partition(".")
        return f"{key}: no key of the chosen {group}; takes {group}={' or '.join(known[key])} beside it"
    near = difflib.get_close_matches(key, known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else "python train.py --cfg job shows all keys"
    return f"{key}: no such key; {hint}"


def _known_keys() -> dict[str, list[str]]:
    """Every key that a configuration can have, with the choices of its group that have it."""
    conf = Path(__file__).parent.parent / "conf"
    known: dict[str, list[str]] = {group: [] for group in GROUPS}
    for file in sorted(conf.glob("config.yaml")) + [f for g in GROUPS for f in sorted((conf / g).glob("*.yaml"))]:
        prefix = "" if file.parent == conf else f"{file.parent.name}."
        loaded = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
        for key, value in loaded.items() if isinstance(loaded, dict) else ():
            if key in ("defaults", "hydra", "_target_"):
                continue
            for inner in value if isinstance(value, dict) else [None]:
                path = f"{prefix}{key!s}" if inner is None else f"{prefix}{key!s}.{inner!s}"
                known.setdefault(path, []).append(file.stem)
    return known
