"""Turns errors into one line each, with the nearest known names."""

import re

import yaml
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import GrammarParseError, OmegaConfBaseException

from byzdl.config.folders import SWEEPS
from byzdl.config.near import known_keys, near_keys
from byzdl.config.references import FORM, led_nowhere
from byzdl.config.types import ConfigError, RuleError

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
    yaml.MarkedYAMLError,
)

# The words for a key that a configuration lacks: Hydra's, and those of a validation.
UNKNOWN = re.compile(
    r"Could not override '([^'@]+)'|^Could not delete from config\. '([^'@]+)' does not|^([\w.]+): no such key$"
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
    if isinstance(error, OmegaConfBaseException):
        return led_nowhere(error)
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark) is not None:
        return f"{mark.name}: line {mark.line + 1} cannot be read as YAML ({error.problem})"
    line = " ".join(str(error).split("Config search path:")[0].split())
    if (reworded := _reworded(line)) != line:
        return reworded
    if line.startswith("Error merging override") and isinstance(error.__cause__, GrammarParseError):
        return f"{line.removeprefix('Error merging override ')}: {FORM}"
    if line.startswith("Error merging override") and error.__cause__ is not None:
        return f"{line.removeprefix('Error merging override ')}: {str(error.__cause__).splitlines()[0]}"
    if found := UNKNOWN.search(line):
        return unknown_key(next(key for key in found.groups() if key))
    return line


# What Hydra says of an override, and what byzdl says in its place.
REWORDED = (
    (r"remove \+ prefix: '((.+?)=.*)' Or add a second", r"+\1: there is \2 already; drop the +: \1"),
    (r"^Multiple values for (\S+)\. To override", r"\1: has a choice already; write \1=CHOICE, without +"),
    (r"unexpected keyword argument '(\w+)'.*full_key: (\S+)$", r"\2.\1: no such key; --cfg hydra shows all of Hydra's"),
    (r"^Could not delete '(\S+?)=.*'\. No match", r"~\1: no such choice is in use; write \1=CHOICE"),
    (r"^force-add of config groups is not supported: '\++(.+)'", r"\1: a choice takes no +; write \1"),
    (
        r"^Ambiguous value for argument '(.+?)' 1\.",
        r"\1: several values are a sweep: add -m (--multirun); a list has brackets",
    ),
    (
        r"^Sweep parameters '(.+)' requires --multirun",
        r"\1: several values are a sweep: add -m (--multirun); a list has brackets",
    ),
    (
        r"^Sweeping over Hydra's configuration is not supported : 'hydra\.sweeper\.params\.(.+)'",
        r"hydra.sweeper.params.\1: write \1",
    ),
)


def _reworded(line: str) -> str:
    for said, meant in REWORDED:
        if found := re.search(said, line):
            return found.expand(meant)
    return line


def _sweeps() -> list[str]:
    return [file.stem for file in SWEEPS.glob("*.yaml")]


def unknown_key(key: str) -> str:
    """Names the choices that have a key, or near keys.

    >>> unknown_key("attack.brr")
    'attack.brr: no such key; did you mean attack.br?'
    """
    known = known_keys()
    if key in known and (choices := known[key]):
        group, _, _ = key.partition(".")
        return f"{key}: the chosen {group} has no such key; choose {group}={' or '.join(choices)}"
    if key in known:
        return f"{key}: this configuration lacks it; a YAML of your own begins with: defaults: [/config, _self_]"
    if key.startswith("hydra."):
        return f"{key}: no such key; python train.py --cfg hydra shows all keys of Hydra"
    near = near_keys(key, known)
    every = "python train.py --cfg job shows all keys in use, byzdl explain GROUP=CHOICE those of a choice"
    hint = f"did you mean {' or '.join(near)}?" if near else every
    return f"{key}: no such key; {hint}"
