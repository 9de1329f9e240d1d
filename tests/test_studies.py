"""Each study of examples/ fits on one screen, and runs as it is written, with less of everything."""

import shutil
import subprocess
import sys

import pytest
from command_line import ROOT, byzdl_here

STUDIES = sorted((ROOT / "examples").glob("*.yaml"))
TINY = ["rounds=2", "eval_every=1", "attack=max", "attack.br=0.2", "defense=loss_threshold,mean", "seed=0"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder with examples/ and the data of the studies, as `make examples` leaves it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    subprocess.run([sys.executable, "examples/data.py"], cwd=folder, check=True)
    return folder


def test_there_are_six():
    assert len(STUDIES) == 6


@pytest.mark.parametrize("study", STUDIES, ids=lambda file: file.stem)
def test_a_study_fits_on_a_screen(study):
    assert len(study.read_text(encoding="utf-8").splitlines()) <= 25


@pytest.mark.parametrize("study", STUDIES, ids=lambda file: file.stem)
def test_a_study_runs_and_draws_its_figure(study, checkout):
    # One at a time, all within this process.
    swept = byzdl_here("sweep", f"examples/{study.name}", *TINY, "hydra/launcher=basic", cwd=checkout)
    assert swept.returncode == 0, swept.stderr
    outputs = checkout / "outputs" / "examples" / study.stem
    assert len([*outputs.glob("*/rounds.csv")]) == 2
    drawn = byzdl_here("figures", str(outputs), cwd=checkout)
    assert drawn.returncode == 0, drawn.stderr
    assert (outputs / "figures" / figure_of(study)).exists()


def figure_of(study):
    return "r2.png" if study.stem == "regression" else "accuracy.png"
