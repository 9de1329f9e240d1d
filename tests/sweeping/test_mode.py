"""A sweep that one mode would drop in silence is refused by name."""

from pathlib import Path

import pytest
from command_line import TINY, run_folders, train_here


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with an experiment that is a sweep, and one that has values but no mode."""
    folder = tmp_path / "own" / "experiment"
    folder.mkdir(parents=True)
    params = "  sweeper: {params: {seed: [0, 1]}}\n"
    (folder / "x.yaml").write_text(f"# @package _global_\nhydra:\n  mode: MULTIRUN\n{params}")
    (folder / "y.yaml").write_text(f"# @package _global_\nhydra:\n{params}")
    (folder.parent / "named.yaml").write_text(f"defaults: [/config, _self_]\nhydra:\n{params}")
    (folder.parent / "typo.yaml").write_text(
        "defaults: [/config, _self_]\nhydra:\n  sweeper: {param: {seed: [0, 1]}}\n"
    )
    (folder.parent / "bare.yaml").write_text("rounds: 1\n")
    return tmp_path


def refusal(*arguments: str, cwd: Path) -> str:
    result = train_here("-cd", "own", *arguments, cwd=cwd)
    assert result.returncode == 1
    assert not run_folders(cwd / "outputs")
    return result.stderr.strip().splitlines()[-1]


def test_an_experiment_may_be_a_sweep(own: Path) -> None:
    result = train_here("-cd", "own", *TINY, "experiment=x", "hydra/launcher=basic", cwd=own)
    assert "2 of 2 runs done" in result.stderr


def test_a_sweep_within_a_sweep_is_refused(own: Path) -> None:
    line = refusal("-m", *TINY, "experiment=glob([x,y])", cwd=own)
    assert "has values of its own for seed, of no effect within another sweep" in line


@pytest.mark.parametrize("asked", [["experiment=y"], ["-cn", "named"]])
def test_values_of_a_sweep_in_a_single_run_are_refused(asked: list[str], own: Path) -> None:
    assert "hydra.sweeper has values for seed, but this is a single run; add -m" in refusal(*asked, *TINY, cwd=own)


def test_one_run_of_a_sweeps_configuration(own: Path) -> None:
    result = train_here("-cd", "own", "-cn", "named", *TINY, "hydra.mode=RUN", cwd=own)
    assert result.returncode == 0, result.stderr
    assert len(run_folders(own / "outputs")) == 1


def test_a_mistyped_key_of_the_sweeper_is_refused(own: Path) -> None:
    assert "'param', but must be one of cases, max_batch_size, params" in refusal("-cn", "typo", cwd=own)
    assert "hydra.sweeper.param: no such key" in refusal("-cn", "typo", "-m", cwd=own)


def test_a_named_file_without_defaults_is_told_its_first_line(own: Path) -> None:
    for more in [], ["seed=1"]:
        assert "defaults: [/config, _self_]" in refusal("-cn", "bare", *more, cwd=own)
