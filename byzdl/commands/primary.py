"""The configuration file that a command line names, as far as it must be known before Hydra composes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError


@dataclass(frozen=True)
class Primary:
    """A named configuration; empty if there is no such file, or if it cannot be read: Hydra reports that later.

    - `file`: its file
    - `content`: its keys
    - `header`: the comments at its top
    """

    file: Path | None = None
    content: Mapping[str, Any] | None = None
    header: str = ""

    @classmethod
    def read(cls, name: str, folder: Path) -> "Primary":
        """Reads the configuration of a name in a folder.

        **Raises:** `ConfigError` for a file that Hydra would not read as it is meant.

        >>> from byzdl.config.folders import CONF
        >>> Primary.read("config", CONF).mode is None
        True
        """
        name = name.removesuffix(".yaml")
        file = folder / f"{name}.yaml"
        other = folder / f"{name.removesuffix('.yml')}.yml"
        if not file.is_file() and other.is_file():
            raise ConfigError(
                f"{other}: Hydra reads no .yml; rename it to {other.stem}.yaml, and write -cn {other.stem}"
            )
        try:
            text = file.read_text(encoding="utf-8")
            content = yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError):
            return cls()
        if not isinstance(content, dict):
            return cls()
        found = cls(file, content, "".join(re.findall(r"\A(?:#.*\n|\s*\n)*", text)))
        found._check(name)
        return found

    @property
    def mode(self) -> str | None:
        """`RUN` or `MULTIRUN`, if the file says so."""
        mode = self._hydra.get("mode")
        return mode if isinstance(mode, str) else None

    @property
    def swept(self) -> set[str]:
        """The groups that its sweep chooses."""
        sweeper = self._hydra.get("sweeper")
        if not isinstance(sweeper, dict):
            return set()
        cases = sweeper.get("cases")
        parts = [sweeper.get("params"), *(cases if isinstance(cases, list) else [])]
        return {key for part in parts if isinstance(part, dict) for key in part}.intersection(GROUPS)

    @property
    def searched(self) -> list[str]:
        """The folders in its `hydra.searchpath`."""
        try:
            resolved: Any = OmegaConf.to_container(
                OmegaConf.create({"path": self._hydra.get("searchpath")}), resolve=True
            )
        except OmegaConfBaseException:
            return []
        path = resolved["path"]
        return [folder for folder in path if isinstance(folder, str)] if isinstance(path, list) else []

    @property
    def _hydra(self) -> Mapping[str, Any]:
        hydra = (self.content or {}).get("hydra")
        return hydra if isinstance(hydra, dict) else {}

    def _check(self, name: str) -> None:
        group = name.partition("/")[0]
        if group in (*GROUPS, "experiment") and "/" in name:
            choice = name.partition("/")[2]
            raise ConfigError(f"--config-name is {name!r}, a choice of a group; write {group}={choice}")
        if "/" in name and "@package _global_" not in self.header:
            raise ConfigError(
                f"{self.file}: in a folder below -cd, Hydra would put its keys below {group}; write -cd with its own "
                f"folder, or `# @package _global_` as its first line"
            )
        listed = (self.content or {}).get("defaults")
        entries = [str(entry).removesuffix(".yaml") for entry in listed] if isinstance(listed, list) else []
        if "/config" in entries and "_self_" in entries and entries.index("_self_") < entries.index("/config"):
            raise ConfigError(f"{self.file}: /config comes after _self_ and undoes this file; write [/config, _self_]")
