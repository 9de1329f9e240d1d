"""A file of the user's that Hydra would never read is refused, wherever its folder enters."""

import shutil
from pathlib import Path

import pytest
from command_line import ROOT
from helpers import CONF
from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.commands.arguments import understood
from byzdl.config.compose import compose
from byzdl.config.shadows import check_folders
from byzdl.config.types import ConfigError
from byzdl.sweeping.combinations import composer

OURS = sorted(file.relative_to(CONF).as_posix() for file in CONF.rglob("*.yaml"))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(file: str, text: str = "rho: 0.9\n") -> None:
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(text)


@settings(max_examples=30)
@given(name=st.sampled_from(OURS), upper=st.booleans(), new=st.booleans())
def test_a_name_of_byzdls_is_refused_and_any_other_is_not(name: str, upper: bool, new: bool) -> None:
    shutil.rmtree("own", ignore_errors=True)
    file = Path("own", name)
    file = file.with_stem(file.stem.upper() if upper else file.stem)
    write(str(file.with_stem(f"{file.stem}x_new") if new else file))
    if new:
        assert check_folders(["own"]) == [Path("own")]
    else:
        with pytest.raises(ConfigError) as refused:
            check_folders(["own"])
        for named in (str(file), str(CONF / name), "rename it"):
            assert named in str(refused.value)


def ways(folder: str) -> list[list[str]]:
    """Each command line by which a folder of choices enters."""
    write("sweep.yaml", f"defaults: [/config, _self_]\nhydra: {{searchpath: [{folder}]}}\n")
    return [
        ["-cd", folder],
        [f"--config-dir={folder}"],
        [f"hydra.searchpath=[{folder}]"],
        [f"hydra.searchpath=[file://{Path(folder).resolve()}]"],
        ["-cd", ".", "-cn", "sweep"],
        ["-cp", str(CONF), "-cd", folder],
        ["-cd", folder, "--cfg", "job"],
    ]


@pytest.mark.parametrize("name", ["defense/ubar.yaml", "config.yaml", "experiment/paper.yaml", "base/attack.yaml"])
def test_it_is_refused_wherever_its_folder_enters(name: str) -> None:
    write(f"own/{name}")
    for way in ways("own"):
        with pytest.raises(ConfigError, match=f"own/{name}: Hydra would read .*/conf/{name} in its place"):
            understood(["train.py", *way])
    for config_dir, override in (("own", []), (None, ["hydra.searchpath=[own]"])):
        with pytest.raises(ConfigError, match=f"own/{name}: Hydra would read"):
            compose(*override, config_dir=config_dir)
        with pytest.raises(ConfigError, match=f"own/{name}: Hydra would read"), composer(override, config_dir):
            pass


def test_the_same_content_does_no_harm() -> None:
    shutil.copytree(CONF, "copy")
    write("copy/defense/mine.yaml", "defaults: [ubar]\nrho: 0.9\n")
    assert compose("defense=mine", config_dir="copy")["defense"]["rho"] == 0.9
    for folder in (CONF, ROOT / "sweeps"):
        assert check_folders([folder]) == [folder]


def test_a_file_of_hydras_own_is_no_name_either() -> None:
    write("own/hydra/job_logging/default.yaml")
    with pytest.raises(ConfigError, match=r"own/hydra/job_logging/default.yaml: Hydra would read .*hydra/conf"):
        check_folders(["own"])


def test_two_folders_of_the_users_are_told_apart() -> None:
    write("one/defense/mine.yaml", "defaults: [ubar]\nrho: 0.9\n")
    write("two/defense/mine.yaml", "defaults: [ubar]\nrho: 0.8\n")
    with pytest.raises(ConfigError, match=r"two/defense/mine.yaml: Hydra would read one/defense/mine.yaml"):
        understood(["train.py", "-cd", "one", "hydra.searchpath=[two]", "defense=mine"])
    # Both folders count where their names differ: Hydra itself takes one search path only.
    Path("two/defense/mine.yaml").rename("two/defense/other.yaml")
    found = compose("defense=other", "hydra.searchpath=[two]", config_dir="one")
    assert found["defense"]["rho"] == 0.8
    assert compose("defense=mine", "hydra.searchpath=[two]", config_dir="one")["defense"]["rho"] == 0.9


def test_what_hydra_never_reads_is_told() -> None:
    write("own/defense/mine.yml")
    with pytest.raises(ConfigError, match=r"own/defense/mine.yml: Hydra reads no .yml; rename it to mine.yaml"):
        check_folders(["own"])
    write("upper/Defense/mine.yaml")
    with pytest.raises(ConfigError, match="upper/Defense: Hydra reads groups in lower case; rename it to defense"):
        check_folders(["upper"])
    write("other/docker-compose.yml")
    write("other/.github/workflows/ci.yml")
    assert check_folders(["other"]) == [Path("other")]
    for wrong in ("nowhere", "pkg://nothing.at.all"):
        with pytest.raises(ConfigError, match="--config-dir is"):
            check_folders([wrong])
