"""What can be refused without data is refused before a process starts, and told once."""

from pathlib import Path

import pytest
from command_line import TINY, run_folders, train_here

import byzdl
from byzdl.config.compose import compose
from byzdl.config.explain import RunFailedError
from byzdl.sweeping import examine
from byzdl.sweeping.examine import examined, refusals, told
from byzdl.sweeping.plan import Planned
from byzdl.sweeping.processes import Ended


def test_sixty_equal_refusals_are_one_line_and_no_run(tmp_path: Path) -> None:
    result = train_here("-m", *TINY, "attack.br=0.99", "seed=range(60)", cwd=tmp_path)
    assert result.returncode == 1
    first, second, line = result.stderr.splitlines()
    assert first == "0 of 60 runs done in outputs"
    assert second == "byzdl: 60 of 60 runs failed:"
    assert "seed=0 and 59 more: attack.br is 0.99, but must be a rate that leaves a benign" in line
    assert not run_folders(tmp_path / "outputs")


def test_refusals_are_those_of_the_runs() -> None:
    wrong = {
        "attack.br=0.99": "attack.br is 0.99, but must be a rate",
        "rounds=0": "rounds is 0, but must be",
        "defense=d_krum defense.f=9": "defense.f is 9, but must be",
        "batch_size=1000": "batch_size is 1000, but must be",
        "pre=bucketing defense=credibility": "pre is 'bucketing', but must be",
        "+defense.f=1": "defense.f: the chosen defense has no such key",
        "device=cuda:77": "device is 'cuda:77', but must be",
    }
    found = refusals([(compose(*words.split()), {}) for words in [*wrong, ""]])
    assert [one.startswith(says) for one, says in zip(found, wrong.values(), strict=False)] == [True] * len(wrong)
    assert found[-1] == ""
    # Another machine may have that device.
    assert refusals([(compose("device=cuda:77"), {})], elsewhere=True) == [""]


def test_one_process_examines_all_runs_that_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = [
        Planned(("a",), done=True),
        Planned(("b",), refused="no"),
        Planned(("c",)),
        Planned(("d",)),
    ]
    asked = []

    def side_by_side(count, job, limit):
        asked.append(count)
        return [Ended(value=["", "wrong"])]

    monkeypatch.setattr(examine, "side_by_side", side_by_side)
    found = examined(plan, lambda run: ({}, {}))
    assert [run.refused for run in found] == ["", "no", "", "wrong"]
    assert examined(plan[:2], lambda run: ({}, {})) == plan[:2]
    assert asked == [1]
    # If that process dies, every run tells its own reason.
    monkeypatch.setattr(examine, "side_by_side", lambda *_: [Ended(why="killed")])
    assert examined(plan, lambda run: ({}, {})) == plan


def test_the_python_api_tells_each_reason_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunFailedError) as failed:
        byzdl.sweep(*TINY, "attack.br=0.99", seed=range(5))
    assert len(str(failed.value).splitlines()) == 2
    assert " and 4 more: attack.br is 0.99" in str(failed.value)
    assert told({("a",): "x", ("b",): "x"}) == ["  a and 1 more: x"]
