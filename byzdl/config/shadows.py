"""Folders of a user's own choices: a file that Hydra would never read is refused."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import hydra

from byzdl.config.folders import CONF
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError

HYDRAS = Path(hydra.__file__).parent / "conf"
FOLDERS = {*GROUPS, "base", "experiment", "hydra"}


def check_folders(folders: Sequence[Path | str], key: str = "--config-dir", main: Path = CONF) -> list[Path]:
    """Checks folders of choices, in Hydra's order. Of two files with one name, Hydra reads only the first.

    Names that differ in case count as one. Two files of equal content do no harm.

    - `folders`: the folders; also in Hydra's forms `file://FOLDER` and `pkg://MODULE`
    - `key`: the origin of the folders, for an error
    - `main`: the folder that Hydra reads before them

    **Raises:** `ConfigError` for a missing folder, a run's folder, a file whose name an earlier file has, and a file that
    ends in `.yml`.

    >>> check_folders([CONF]) == [CONF]
    True
    """
    paths = [_path(folder, key) for folder in folders]
    first = {name: file for folder in (main, HYDRAS) for name, file in _files(folder)}
    for folder in paths:
        for name, file in _files(folder):
            group = file.relative_to(folder).parts[0]
            if group != group.lower() and file.parent != folder:
                raise ConfigError(f"{folder / group}: Hydra reads groups in lower case; rename it to {group.lower()}")
            if file.suffix == ".yml":
                raise ConfigError(f"{file}: Hydra reads no .yml; rename it to {file.stem}.yaml")
            before = first.setdefault(name, file)
            if before is not file and not _is_same(before, file):
                raise ConfigError(f"{file}: Hydra would read {before} in its place; {_remedy(folder, file)}")
    return paths


def check_folder(folder: Path, key: str) -> None:
    """**Raises:** `ConfigError` for a folder that is missing, or that is a run's and holds no choices."""
    if (folder / "run.json").is_file():
        raise ConfigError(f"{key}: {folder} is the folder of a run; to repeat that run, write --from {folder}")
    if folder.is_file() and folder.suffix == ".yaml":
        raise ConfigError(f"{key}: {folder} is a file; write -cd {folder.parent} -cn {folder.stem}")
    if not folder.is_dir():
        raise ConfigError.of(key, str(folder), "a folder")


def _path(folder: Path | str, key: str) -> Path:
    scheme, mark, rest = str(folder).partition("://")
    if mark and scheme == "pkg":
        places: list[str] = []
        with suppress(ImportError, ValueError):
            spec = find_spec(rest.replace("/", "."))
            places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not places:
            raise ConfigError.of(key, str(folder), "pkg:// and the name of a package that can be imported")
        return Path(places[0])
    path = Path(rest if mark else str(folder))
    check_folder(path, key)
    return path


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The YAMLs of a folder that Hydra can read, each with a name that ignores case.

    Outside of groups, `.yml` files are not listed: they may be no configurations.
    """
    for inner in sorted(folder.iterdir()):
        if inner.is_file() and inner.suffix == ".yaml":
            yield inner.stem.lower(), inner
        elif inner.is_dir() and inner.name.lower() in FOLDERS:
            # Choices of one level: a folder of images may lie below.
            for file in sorted(inner.glob("*/*.y*ml" if inner.name == "hydra" else "*.y*ml")):
                if file.suffix in (".yaml", ".yml"):
                    yield file.relative_to(folder).with_suffix("").as_posix().lower(), file


def _is_same(one: Path, other: Path) -> bool:
    return one.samefile(other) or one.read_bytes() == other.read_bytes()


def _remedy(folder: Path, file: Path) -> str:
    """What to do about a file that has the name of another one."""
    inner = file.relative_to(folder)
    own = f"my_{file.stem}"
    if len(inner.parts) == 1:
        return f"rename it, such as {own}.yaml (defaults: [/config, _self_]), and write -cn {own}"
    group = inner.parent.as_posix()
    return f"rename it, such as {own}.yaml (defaults: [{file.stem}]), and write {group}={own}"
