"""How errors are told: in one line, with what was probably meant."""

import difflib
import re

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.folders import CONF, SWEEPS
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError, RuleError
from byzdl.config.yamls import keys, names

# What others call our choices, in letters and digits alone.
SYNONYMS = {
    "alittleisenough": "alie",
    "bridge": "trimmed_mean",
    "centeredclipping": "clipped_gossip",
    "fallofempires": "ipm",
    "krum": "d_krum",
    "monna": "nna",
    "mozi": "ubar",
    "rfa": "geometric_median",
    "scclip": "clipped_gossip",
    "zeno": "d_zeno",
}


class RunFailedError(Exception):
    """Why a run in a process of its own has no result, as it told it."""


# What a user can mend; everything else is told with its type, and where possible its traceback.
WRONG_INPUT = (
    ConfigError,
    HydraException,
    OmegaConfBaseException,
    FileExistsError,
    PermissionError,
    RuleError,
    RunFailedError,
)


def explain(error: Exception) -> str:
    """One line for an error: with near matches for an unknown name, with its type for what is no wrong input."""
    if isinstance(error.__cause__, ConfigError):  # wrapped by Hydra
        return str(error.__cause__)
    if not isinstance(error, WRONG_INPUT):
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        meant = SYNONYMS.get(re.sub(r"[^a-z0-9]", "", choice.lower()))
        return str(ConfigError.unknown(group or "config", choice, error.options, meant=meant))
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        got = error.missing_cfg_file
        return str(ConfigError.unknown("--config-name", got, _sweeps())) + " with -cd sweeps, or a YAML in another -cd"
    line = " ".join(str(error).split("Config search path:")[0].split())
    if isinstance(error, ConfigCompositionException) and (found := re.search(r"override '([^'@]+)'", line)):
        return _unknown_key(found[1])
    return line


def _sweeps() -> list[str]:
    return [file.stem for file in SWEEPS.glob("*.yaml")]


def _unknown_key(key: str) -> str:
    """Which choices have such a key, or which keys are near."""
    known = _known_keys()
    if key in known:
        group, _, _ = key.partition(".")
        return f"{key}: no key of the chosen {group}; takes {group}={' or '.join(known[key])} beside it"
    # What is typed without its group, as `lr`, or else misspelt.
    inner = [name for name in known if name.rpartition(".")[2] == key]
    alike = [name for name in known if ("." in name) == ("." in key)]
    near = inner or difflib.get_close_matches(key, alike, n=3, cutoff=0.7)
    shown = "python train.py --cfg job shows those of the chosen ones, conf/GROUP/CHOICE.yaml of the others"
    hint = f"did you mean {' or '.join(near)}?" if near else shown
    return f"{key}: no such key; {hint}"


def _known_keys() -> dict[str, list[str]]:
    """Maps every key that a configuration can have to the choices of its group that have it."""
    known: dict[str, list[str]] = {key: [] for key in (*GROUPS, *keys(CONF / "config.yaml"))}
    for group in GROUPS:
        for choice in names(group):
            for key in keys(CONF / group / f"{choice}.yaml"):
                known.setdefault(f"{group}.{key}", []).append(choice)
    return known
