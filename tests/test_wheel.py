"""An installed byzdl has its configurations: the wheel is built, unpacked elsewhere, and used from an empty folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command_line import ROOT, TINY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the working tree, built in a folder of its own."""
    place = tmp_path_factory.mktemp("wheel")
    # New files, too: a rule that is being contributed.
    ask = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    packed = [name for name in listed if name.startswith(("byzdl", "conf", "sweeps")) and (ROOT / name).exists()]
    for name in [*packed, "pyproject.toml", "README.md", "LICENSE"]:
        copied = place / "source" / name
        copied.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            copied.symlink_to(os.readlink(ROOT / name))
        else:
            copied.write_bytes((ROOT / name).read_bytes())
    build = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(place), "./source"]
    subprocess.run([sys.executable, "-m", *build], cwd=place, check=True, capture_output=True)
    (found,) = place.glob("byzdl-*.whl")
    return found


def test_the_wheel_holds_the_package_and_its_configurations_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("conf", "sweeps"):
        yamls = {f"byzdl/{file.relative_to(ROOT).as_posix()}" for file in (ROOT / folder).rglob("*.yaml")}
        assert len(yamls) >= 7
        assert yamls <= set(names)
    assert {"byzdl/py.typed", "byzdl/analysis/report/assets/page.html"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"byzdl"}
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert "byzdl = byzdl.commands.main:main" in zipfile.ZipFile(wheel).read(entry).decode()


def test_an_installed_byzdl_works_from_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    empty.mkdir()

    def python(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(site)}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True, env=environment, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # The processes of a sweep are started anew, and must find the same byzdl.
    python("-m", "byzdl", "sweep", *TINY, "defense=mean,local")
    commands = ["run", *TINY], ["split", "dataset=synthetic", "partition=dirichlet"]
    code = "from byzdl.commands.main import main; from byzdl.config.folders import CONF; print(CONF); "
    printed = python("-c", code + "; ".join(f"main({command!r})" for command in commands))
    assert printed.splitlines()[0] == str((site / "byzdl" / "conf").resolve())
    assert len(list((empty / "outputs").glob("*/rounds.csv"))) == 3
    assert (empty / "split.png").stat().st_size > 1000
