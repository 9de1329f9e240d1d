"""Command lines as newcomers type them: each does what was meant, or says in one line what to type."""

from pathlib import Path

import pytest
from command_line import ROOT

from byzdl.commands.arguments import understood
from byzdl.config.types import ConfigError

SMOKE = ["-cd", str(ROOT / "sweeps"), "-cn", "smoke"]


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(*arguments: str) -> str:
    with pytest.raises(ConfigError) as refused:
        understood(["train.py", *arguments])
    line = str(refused.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["seed:1"], "write seed=1"),
        (["seed", "1"], "write seed=1,"),
        (["seed", "=1"], "write seed=1,"),
        (["seed", "=", "1"], "write seed=1,"),
        (["seed=", "1"], "write seed=1,"),
        (["seed =1"], "write seed=1,"),
        (["-m", "seed=0,", "1,", "2"], "write seed=0,1,2,"),
        (["--seed=1"], "write seed=1"),
        (["--seed", "1"], "write seed=1"),
        (["-seed=1"], "write seed=1"),
        (["--batch-size=8"], "write batch_size=8"),
        (["-pre=nnm"], "write pre=nnm"),  # Hydra would read --package re=nnm
        (["-rounds=5"], "write rounds=5"),
        (["--attack.br=0.1"], "write attack.br=0.1"),
        (["=1"], "write KEY=VALUE"),
        (["seed"], "write seed=VALUE"),
        (["ubar"], "write defense=ubar"),
        (["paper"], "write experiment=paper"),
        (["smoke"], "byzdl sweep smoke"),
        (["attack/max"], "write attack=max"),
        (["attack=null"], "must be one of alie,"),
        (["defense=[ubar,mean]"], "write -m defense=ubar,mean, without brackets"),
        (["attack=min_*"], "write -m 'attack=glob(min_*)'"),
        (["model.channels=[8,16"], "a bracket or quote that does not close"),
        (["--mutirun"], "did you mean --multirun?"),
        (["--output-dir=x"], "write hydra.run.dir=FOLDER"),
        (["--experimental-rerun=x"], "write --from"),
        (["-m", "--cfg", "job"], "leave it out, or --cfg"),
        (["--resolve"], "add --cfg job"),
        (["-cn"], "expected one argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_hydra_would_misread_is_answered_with_what_to_type(typed: list[str], meant: str) -> None:
    assert meant in refusal(*typed)


def test_options_and_overrides_may_stand_in_any_order() -> None:
    typed = ["seed=0,1", "-m", "defense=ubar", "-cd", str(ROOT / "sweeps"), "rounds=5"]
    assert understood(["train.py", *typed]) == ["train.py", "-m", *typed[3:5], "seed=0,1", "defense=ubar", "rounds=5"]


def test_special_characters_are_text() -> None:
    assert understood(["train.py", "dataset.root=~/a"]) == ["train.py", "dataset.root='~/a'"]
    for fine in "attack.br=0.1", "model.channels=[8,16]", "seed=range(3)", "a.b='x y'", "dataset.root=", "~defense.f":
        assert understood(["train.py", fine, "rounds=1"]) == ["train.py", fine, "rounds=1"]


def test_a_single_run_of_a_named_sweep_is_one_run() -> None:
    assert understood(["train.py", *SMOKE])[1] == "-m"
    for single in ["hydra.mode=RUN"], ["--run"]:
        line = understood(["train.py", *SMOKE, *single])
        assert "-m" not in line
        assert line[-1] == "hydra.mode=RUN"
    # A value of one of its groups goes to the one run, and is not swept.
    assert "attack.br=0.1" in understood(["train.py", *SMOKE, "attack.br=0.1", "hydra.mode=RUN"])


def test_two_modes_at_once_are_refused() -> None:
    assert "beside -m" in refusal("-m", "hydra.mode=RUN")
    assert "beside --run" in refusal("--run", "hydra.mode=MULTIRUN")
    assert "--multirun" in refusal("--run", "-m")


def test_a_glob_is_a_sweep_of_its_group() -> None:
    for sweep in "glob(*_krum)", "choice(d_krum)", "d_krum,multi_krum":
        line = ["-m", f"defense={sweep}", "defense.f=1"]
        assert understood(["train.py", *line])[1:] == [*line[:2], "defense.f=choice(1)"]


def test_a_named_file_that_would_have_no_effect_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    (tmp_path / "own" / "late.yaml").write_text("defaults: [_self_, /config]\nrounds: 5\n")
    (tmp_path / "own" / "other.yml").write_text("rounds: 5\n")
    (tmp_path / "own" / "experiment" / "x.yaml").write_text("# @package _global_\nrounds: 5\n")
    assert "write [/config, _self_]" in refusal("-cd", "own", "-cn", "late")
    assert "rename it to other.yaml" in refusal("-cd", "own", "-cn", "other")
    assert "write experiment=x" in refusal("-cd", "own", "-cn", "experiment/x")
    assert "write -cd own -cn late" in refusal("-cd", "own/late.yaml")


def test_a_config_path_is_a_whole_copy_of_the_configurations_or_refused(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    assert "-cd adds a folder" in refusal("-cp", "part")
    (tmp_path / "whole").symlink_to(ROOT / "conf")
    assert understood(["train.py", "-cp", "whole"]) == ["train.py", "-cp", str(ROOT / "conf")]
    assert understood(["train.py", "--config-path=whole"]) == ["train.py", f"--config-path={ROOT / 'conf'}"]
