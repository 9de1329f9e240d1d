"""`--from FOLDER` repeats a run, and varies it."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from command_line import TINY, rows, run_folders, train_here

import byzdl


def test_a_run_is_repeated_and_varied_from_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train_here(*TINY, "defense=ubar", "defense.rho=0.7", "attack=alie_1.5", cwd=tmp_path).returncode == 0
    (run,) = run_folders(tmp_path / "outputs")
    again = ["--from", f"outputs/{run.name}"]

    # As people try it first.
    for wrong in ["-cd", again[1], "-cn", "config"], ["-cp", again[1]]:
        refused = train_here(*wrong, cwd=tmp_path)
        assert refused.returncode == 1
        (line,) = refused.stderr.splitlines()
        assert line.endswith(f"to repeat that run, write --from {again[1]}")

    assert "already done" in train_here(*again, cwd=tmp_path).stderr
    assert run_folders(tmp_path / "outputs") == [run]

    shutil.copytree(run, tmp_path / "kept")
    shutil.rmtree(run)
    assert train_here("--from=kept", cwd=tmp_path).returncode == 0
    assert (run / "nodes.csv").read_bytes() == (tmp_path / "kept" / "nodes.csv").read_bytes()
    assert json.loads((run / "run.json").read_text())["identity"] == run.name.rpartition("-")[2]

    swept = train_here("-m", "seed=0,1", *again, "hydra/launcher=basic", cwd=tmp_path)
    assert swept.stderr.splitlines()[0] == "1 of 2 runs are done already"
    configs = [yaml.safe_load((one / "config.yaml").read_text()) for one in run_folders(tmp_path / "outputs")]
    assert [(config["defense"]["rho"], config["seed"]) for config in configs] == [(0.7, 0), (0.7, 1)]

    monkeypatch.chdir(tmp_path)
    found = byzdl.run("seed=1", from_="kept", progress=False)
    assert found.config == configs[1]
    other = run_folders(tmp_path / "outputs")[1]
    assert found.rounds["accuracy_mean"].tolist() == [float(row["accuracy_mean"]) for row in rows(other / "rounds.csv")]


def test_hydras_keys_that_have_no_effect_are_refused(tmp_path: Path) -> None:
    single = train_here(*TINY, "hydra.sweep.dir=x", cwd=tmp_path)
    assert single.stderr == "byzdl: hydra.sweep.dir=x: no effect in a single run; write hydra.run.dir=x\n"
    sweep = train_here("-m", *TINY, "hydra.run.dir=x", "seed=0,1", cwd=tmp_path)
    assert sweep.stderr == "byzdl: hydra.run.dir=x: no effect in a sweep; write hydra.sweep.dir=x\n"
    assert not run_folders(tmp_path)
    with pytest.raises(byzdl.config.types.ConfigError, match=r"folder=\.\.\. says where"):
        byzdl.run("hydra.run.dir=x")
