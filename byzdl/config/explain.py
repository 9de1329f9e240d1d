"""Turns errors into one line each, with the nearest known names."""

import difflib
import re

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.folders import CONF, SWEEPS
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError, RuleError
from byzdl.config.yamls import keys, names

# Names of byzdl's choices elsewhere, in lower case, without spaces and punctuation.
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
    """A run in another process failed. The message is that process's own."""


# Errors that a user can mend. All others are shown with their type, and if possible with their traceback.
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
    """Explains an error in one line.

    An unknown name comes with near matches. An error that is not the user's comes with its type.

    >>> explain(ConfigError.of("rounds", 0, "an integer, at least 1"))
    'rounds is 0, but must be an integer, at least 1'
    >>> explain(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    if isinstance(error.__cause__, ConfigError):  # Hydra wraps errors of its plugins.
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
    """Names the choices that have a key, or near keys."""
    known = _known_keys()
    if key in known:
        group, _, _ = key.partition(".")
        return f"{key}: the chosen {group} has no such key; choose {group}={' or '.join(known[key])}"
    # A key without its group, such as `lr`, comes before a misspelt one.
    complete = [name for name in known if name.rpartition(".")[2] == key]
    alike = [name for name in known if ("." in name) == ("." in key)]
    near = complete or difflib.get_close_matches(key, alike, n=3, cutoff=0.7)
    every = "python train.py --cfg job shows all keys in use, byzdl explain GROUP=CHOICE those of a choice"
    hint = f"did you mean {' or '.join(near)}?" if near else every
    return f"{key}: no such key; {hint}"


def _known_keys() -> dict[str, list[str]]:
    """Maps every key that a configuration can have to the choices of its group that have it."""
    known: dict[str, list[str]] = {key: [] for key in (*GROUPS, *keys(CONF / "config.yaml"))}
    for group in GROUPS:
        for choice in names(group):
            for key in keys(CONF / group / f"{choice}.yaml"):
                known.setdefault(f"{group}.{key}", []).append(choice)
    return known
