"""Clusters: the same bytes from every launcher, and what fails there is told as it is at home."""

import importlib.util
import shutil
import subprocess

import pytest
from command_line import TINY, rows, run_folders, train_here
from helpers import CONF
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

DEFENSE = """
import os, signal
from pathlib import Path
from byzdl.defenses import Defense
class Bad(Defense):
    how: str
    def aggregate(self, state, inbox):
        if inbox.round == 2 and not Path(__file__).with_name("mended").exists():
            if self.how == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("as it does")
        return state, inbox.mix(inbox.present, 0.5)
"""


def has(plugin: str) -> bool:
    return importlib.util.find_spec(f"hydra_plugins.{plugin}") is not None


def has_slurm() -> bool:
    return shutil.which("sinfo") is not None and subprocess.run(["sinfo"], capture_output=True).returncode == 0


LAUNCHERS = [
    "byzdl",
    pytest.param("submitit_local", marks=pytest.mark.skipif(not has("hydra_submitit_launcher"), reason="byzdl[slurm]")),
    pytest.param(
        "submitit_slurm",
        marks=pytest.mark.skipif(
            not (has("hydra_submitit_launcher") and has_slurm()), reason="byzdl[slurm], a cluster"
        ),
    ),
    pytest.param("ray", marks=pytest.mark.skipif(not has("hydra_ray_launcher"), reason="byzdl[ray]")),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A run without any launcher: its name and its nodes.csv."""
    place = tmp_path_factory.mktemp("alone")
    assert train_here(*TINY, cwd=place).returncode == 0
    (folder,) = run_folders(place / "outputs")
    return folder.name, (folder / "nodes.csv").read_bytes()


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_every_launcher_gives_the_same_bytes_and_tells_what_failed(launcher, alone, tmp_path):
    (tmp_path / "bad.py").write_text(DEFENSE)
    (tmp_path / "mine" / "defense").mkdir(parents=True)
    for how in ("raises", "dies"):
        config = f"_target_: bad.Bad\nname: {how}\nhow: {how}\n"
        (tmp_path / "mine" / "defense" / f"{how}.yaml").write_text(config)
    sweep = ["-cd", "mine", "-m", *TINY, "defense=loss_threshold,raises,dies"]
    once = ["hydra.launcher.ray.remote.max_retries=0"] if launcher == "ray" else []
    result = train_here(*sweep, f"hydra/launcher={launcher}", *once, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert result.returncode == 1
    assert "2 of 3 runs failed" in result.stderr
    assert "RuntimeError: as it does" in result.stderr
    name, nodes = alone
    assert (tmp_path / "outputs" / name / "nodes.csv").read_bytes() == nodes
    # Started again, at home, the sweep computes what has no result, and nothing else.
    (tmp_path / "mended").touch()
    before = (tmp_path / "outputs" / name / "run.json").read_bytes()
    again = train_here(*sweep, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert again.returncode == 0, again.stderr
    assert "1 of 3 runs are done already" in again.stderr
    assert "3 of 3 runs done" in again.stderr
    assert (tmp_path / "outputs" / name / "run.json").read_bytes() == before
    folders = run_folders(tmp_path / "outputs")
    assert [rows(folder / "rounds.csv")[-1]["round"] for folder in folders] == ["4", "4", "4"]


def test_a_run_of_a_sweep_has_what_hydra_offers_beside_a_folder_and_a_log(alone, tmp_path):
    name, nodes = alone
    more = ["hydra.output_subdir=.hydra", "+hydra.job.env_set.NEW=1", "hydra.job.chdir=true"]
    assert train_here("-m", *TINY, *more, cwd=tmp_path).returncode == 0
    (folder,) = run_folders(tmp_path / "outputs")
    assert (folder.name, (folder / "nodes.csv").read_bytes()) == (name, nodes)
    assert (folder / ".hydra" / "overrides.yaml").is_file()


@pytest.mark.parametrize(
    ("launcher", "extra"), [("ray", "ray"), ("submitit_slurm", "slurm"), ("submitit_local", "slurm")]
)
def test_a_launcher_that_is_not_installed_is_asked_for_by_name(launcher, extra, tmp_path):
    plugin = {"ray": "hydra_ray_launcher", "slurm": "hydra_submitit_launcher"}[extra]
    if has(plugin):
        pytest.skip("it is installed")
    result = train_here("-m", *TINY, f"hydra/launcher={launcher}", cwd=tmp_path)
    assert result.returncode == 1
    assert (
        result.stderr
        == f"byzdl: hydra/launcher is '{launcher}', but must be an installed launcher: pip install 'byzdl[{extra}]'\n"
    )


@pytest.mark.filterwarnings("ignore:\\s*'hydra/launcher/.*validated against:UserWarning")
@pytest.mark.parametrize(("device", "gpus"), [("cpu", 0), ("cuda", 1), ("cuda:1", 1)])
@pytest.mark.parametrize(
    ("launcher", "key"),
    [("submitit_slurm", "gpus_per_node"), ("submitit_local", "gpus_per_node"), ("ray", "ray.remote.num_gpus")],
)
def test_a_run_takes_a_gpu_where_it_computes_on_one(launcher, key, device, gpus):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [f"hydra/launcher={launcher}", f"device={device}"], return_hydra_config=True)
    assert OmegaConf.select(config, f"hydra.launcher.{key}") == gpus
