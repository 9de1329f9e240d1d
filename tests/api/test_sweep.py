"""`byzdl.sweep`: every combination in a process of its own, from any script or notebook."""

import json
import runpy
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from command_line import TINY, rows, run_folders, train_here

import byzdl
from byzdl.api.sweep import _frame
from byzdl.config.explain import RunFailedError
from byzdl.sweeping.plan import Planned


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_sweep_is_the_multirun_of_the_command_line(tmp_path):
    frame = byzdl.sweep(*TINY, "defense=mean,local", seed=range(2), folder="outputs")
    assert sorted(set(zip(frame["defense"], frame["seed"], strict=True))) == [
        ("local", 0),
        ("local", 1),
        ("mean", 0),
        ("mean", 1),
    ]
    before = {folder.name: (folder / "nodes.csv").read_bytes() for folder in run_folders(Path("outputs"))}
    done = train_here("-m", *TINY, "defense=mean,local", "seed=0,1", cwd=tmp_path)
    assert "4 of 4 runs are done already" in done.stderr
    assert before == {folder.name: (folder / "nodes.csv").read_bytes() for folder in run_folders(Path("outputs"))}
    assert len(byzdl.load("outputs")) == len(frame)


def test_what_fails_fails_alone_and_is_told_at_the_end():
    with pytest.raises(RunFailedError) as failed:
        byzdl.sweep(*TINY, "defense=mean,krum", "attack.br=0.2,0.99", folder="mine")
    told = str(failed.value).splitlines()
    assert told[0] == "3 of 4 runs failed:"
    (twice,) = [line for line in told if "did you mean d_krum?" in line]
    assert " and 1 more: " in twice
    assert sum("attack.br is 0.99, but must be" in line for line in told) == 1
    with pytest.warns(byzdl.analysis.IncompleteWarning):
        assert set(byzdl.load("mine")["br"]) == {0.2}
    (manifest,) = Path("mine").glob("sweep-*.json")
    assert len(json.loads(manifest.read_text())["runs"]) == 4


def test_a_script_sweeps_over_classes_of_its_own_without_a_main_guard(tmp_path):
    """A child that executed the script again would sweep again, and so on."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import byzdl
            from byzdl.defenses import Defense
            from byzdl.exchange import Mix

            print("begun")

            class Half(Defense):
                share: float = 0.5

                def aggregate(self, state, inbox):
                    weights = self.share * inbox.metropolis * inbox.valid
                    return state, Mix(inbox.combine(weights), inbox.valid, weights)

            frame = byzdl.sweep(*{TINY!r}, defense=["mean", Half(share=0.2), Half(share=0.8)], folder="mine", jobs=2)
            print(sorted(set(frame["defense"])))
            """
        )
    )
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["begun", "['half share=0.2', 'half share=0.8', 'mean']"]
    first = {folder.name: rows(folder / "rounds.csv") for folder in run_folders(tmp_path / "mine")}
    # An edited class gets new runs; the run of `mean` is not computed again.
    script.write_text(script.read_text().replace("self.share * inbox", "(1 - self.share) * inbox"))
    runpy.run_path(script.name, run_name="__main__")
    after = {folder.name: rows(folder / "rounds.csv") for folder in run_folders(tmp_path / "mine")}
    assert len(after) == 5
    assert first.items() <= after.items()


def test_the_runs_of_a_sweep_are_returned_even_if_other_code_has_a_newer_result(tmp_path):
    byzdl.run(*TINY, "defense=mean", folder=tmp_path)
    (own,) = run_folders(tmp_path)
    other = shutil.copytree(own, tmp_path / "other")
    facts = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps({**facts, "identity": "other", "started": "2999-01-01"}))
    assert set(_frame(tmp_path, [Planned((), own)])["run"]) == {own.name}
