"""The commands as a user types them."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from command_line import ROOT, TINY, alive, endless_sweep, rows, run_folders, train, train_here, until
from helpers import choices
from PIL import Image

from byzdl.commands.arguments import deferred, understood
from byzdl.config.explain import SYNONYMS


def test_what_others_call_a_choice_is_no_choice_and_leads_to_one() -> None:
    every = {*choices("attack"), *choices("defense")}
    assert set(SYNONYMS.values()) <= every
    assert not set(SYNONYMS) & every


@pytest.mark.parametrize(
    "typed", ["attack=maxx", "lr=0.1", "attack.br=1", "batch_size=256", "defense.f=9 defense=d_krum"]
)
def test_wrong_input_is_answered_with_one_line_and_leaves_nothing(typed: str, tmp_path: Path) -> None:
    # tests/messages.md has what each mistake is answered with.
    result = train_here(*typed.split(), cwd=tmp_path)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert not list((tmp_path / "outputs").glob("*")), "a refused run must leave no folder behind"


def test_cuda_is_refused_where_there_is_none(tmp_path: Path) -> None:
    result = train("device=cuda", cwd=tmp_path, CUDA_VISIBLE_DEVICES="")
    assert result.returncode == 1
    assert "device is 'cuda', but must be cpu" in result.stderr


def test_a_missing_download_names_the_folder_and_the_embedded_default(tmp_path: Path) -> None:
    # An address that cannot answer stands for a machine without a network.
    offline = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    result = train_here("dataset=mnist", "dataset.root=here", cwd=tmp_path, **offline, no_proxy="", NO_PROXY="")
    assert result.returncode == 1
    assert str(tmp_path / "here") in result.stderr.strip().splitlines()[-1]
    assert "dataset=digits" in result.stderr.strip().splitlines()[-1]


def test_one_run_leaves_its_folder(tmp_path: Path) -> None:
    result = train(*TINY, "attack=alie", "attack.z=1.5", "attack.br=0.34", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (folder,) = run_folders(tmp_path / "outputs")
    facts = json.loads((folder / "run.json").read_text())
    assert facts["status"] == "done"
    assert facts["attack"] == {"z": 1.5}
    assert facts["seed"] == 0
    assert len(facts["byzantine"]) == 2
    assert all(i < j < 6 for i, j in facts["edges"])
    assert facts["d"] == 64 * 10 + 10
    assert {"packages", "git_commit", "device", "threads", "wall_seconds", "cpu_seconds", "graph_draws"} <= set(facts)
    assert yaml.safe_load((folder / "config.yaml").read_text())["attack"]["z"] == 1.5
    assert [row["round"] for row in rows(folder / "rounds.csv")] == ["0", "2", "4"]
    assert len(rows(folder / "nodes.csv")) == 3 * 4
    assert (folder / "run.log").exists()
    assert "accuracy" in result.stderr
    assert "\r" not in result.stderr, "no progress bar where the output is not a terminal"


def test_a_rule_that_lacks_neighbours_says_so_in_the_log_and_in_run_json(tmp_path: Path) -> None:
    # Of three neighbours Krum's |N_i| - f - 2 leaves nobody to measure a distance to, with f = 1 already.
    # For nearest-neighbour mixing 2f = 4 is too much.
    rules = ["defense=d_krum", "defense.f=1", "pre=nnm", "pre.f=2"]
    arguments = [*rules, "topology=k_regular", "topology.degree=3", "attack.br=0"]
    result = train_here(*TINY[:-1], *arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (folder,) = run_folders(tmp_path / "outputs")
    facts = json.loads((folder / "run.json").read_text())
    assert "|N_i| < f + 3 at 6 of 6 benign nodes" in facts["defense"]["warning"]
    assert "nnm: |N_i| < 2f at 6 of 6 benign nodes" in facts["pre"]["warning"]
    for told in (result.stderr, (folder / "run.log").read_text()):
        for group in ("defense", "pre"):
            assert facts[group]["warning"] in " ".join(told.split())


def test_the_same_command_gives_the_same_bytes_and_a_done_run_is_skipped(tmp_path: Path) -> None:
    tables = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        assert train_here(*TINY, cwd=tmp_path / place).returncode == 0
        (folder,) = run_folders(tmp_path / place / "outputs")
        rounds = [{**row, "seconds": ""} for row in rows(folder / "rounds.csv")]
        tables.append((folder.name, rounds, (folder / "nodes.csv").read_bytes()))
    assert tables[0] == tables[1]

    before = (folder / "run.json").read_bytes()
    again = train_here(*TINY, cwd=tmp_path / "two")
    assert "already done" in again.stderr
    assert (folder / "run.json").read_bytes() == before


def test_a_folder_of_another_run_is_never_overwritten(tmp_path: Path) -> None:
    assert train_here(*TINY, "hydra.run.dir=mine", cwd=tmp_path).returncode == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "mine").iterdir()}
    refused = train_here(*TINY, "seed=1", "hydra.run.dir=mine", cwd=tmp_path)
    assert refused.returncode == 1
    assert "hydra.run.dir" in refused.stderr
    assert {file.name: file.read_bytes() for file in (tmp_path / "mine").iterdir()} == before


def test_a_multirun_isolates_what_fails_and_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    sweep = ["-m", *TINY, "defense=loss_threshold,nosuch,ubar", "attack.br=0.34,0.99"]
    result = train_here(*sweep, cwd=tmp_path)
    assert result.returncode != 0
    assert "2 of 6 runs done" in result.stderr
    assert "4 of 6 runs failed" in result.stderr
    assert "defense is 'nosuch'" in result.stderr
    assert "attack.br is 0.99, but must be a rate that leaves a benign node" in result.stderr
    done = [
        f for f in run_folders(tmp_path / "outputs") if json.loads((f / "run.json").read_text())["status"] == "done"
    ]
    assert sorted(yaml.safe_load((f / "config.yaml").read_text())["defense"]["name"] for f in done) == [
        "loss_threshold",
        "ubar",
    ]

    # One that was interrupted is computed again, one that is done is left alone.
    interrupted, finished = done
    facts = json.loads((interrupted / "run.json").read_text())
    (interrupted / "run.json").write_text(json.dumps({**facts, "status": "running"}))
    expected = [{**row, "seconds": ""} for row in rows(interrupted / "rounds.csv")]
    (interrupted / "rounds.csv").write_text("round,epoch\n0,")
    untouched = (finished / "rounds.csv").stat().st_mtime_ns
    train_here(*sweep, cwd=tmp_path)
    assert json.loads((interrupted / "run.json").read_text())["status"] == "done"
    assert [{**row, "seconds": ""} for row in rows(interrupted / "rounds.csv")] == expected
    assert (finished / "rounds.csv").stat().st_mtime_ns == untouched


def test_a_sweep_by_name_writes_where_hydra_says_and_its_runs_equal_single_ones(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "small.yaml").write_text(
        "defaults: [/config, _self_]\n"
        "hydra: {mode: MULTIRUN, sweep: {dir: there}, sweeper: {params: {defense: 'ubar,mean'}}}\n"
    )
    result = train_here("-cd", "mine", "-cn", "small", *TINY, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    swept = run_folders(tmp_path / "there")
    assert len(swept) == 2
    assert not (tmp_path / "outputs").exists()
    (manifest,) = (tmp_path / "there").glob("sweep-*.json")
    assert sorted(run["name"] for run in json.loads(manifest.read_text())["runs"]) == [f.name for f in swept]

    assert train_here(*TINY, "defense=mean", cwd=tmp_path).returncode == 0
    (single,) = run_folders(tmp_path / "outputs")
    twin = tmp_path / "there" / single.name
    assert (twin / "nodes.csv").read_bytes() == (single / "nodes.csv").read_bytes()


def test_one_job_at_a_time_and_hydras_own_launcher_give_the_same_runs(tmp_path: Path) -> None:
    tables = []
    for choice in ("hydra.launcher.jobs=1", "hydra/launcher=basic"):
        where = tmp_path / choice.replace("/", "_")
        where.mkdir()
        result = train_here("-m", *TINY, "defense=ubar,mean", choice, cwd=where)
        assert result.returncode == 0, result.stderr
        tables.append({f.name: (f / "nodes.csv").read_bytes() for f in run_folders(where / "outputs")})
    assert len(tables[0]) == 2
    assert tables[0] == tables[1]


def test_a_run_whose_process_dies_takes_nothing_down_with_it(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(
        "import os, signal\n"
        "from byzdl.defenses import Defense\n\n\n"
        "class Dying(Defense):\n"
        "    def aggregate(self, state, inbox):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "mine" / "defense").mkdir(parents=True)
    (tmp_path / "mine" / "defense" / "dying.yaml").write_text("_target_: dying.Dying\nname: dying\n")
    result = train_here("-cd", "mine", "-m", *TINY, "defense=dying,mean", cwd=tmp_path)
    assert result.returncode != 0
    assert "1 of 2 runs done" in result.stderr
    assert "SIGKILL" in result.stderr


def test_an_exception_leaves_its_traceback_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "from byzdl.defenses import Defense\n\n\n"
        "class Broken(Defense):\n"
        "    def aggregate(self, state, inbox):\n"
        "        raise RuntimeError('no idea')\n"
    )
    (tmp_path / "mine" / "defense").mkdir(parents=True)
    (tmp_path / "mine" / "defense" / "broken.yaml").write_text("_target_: broken.Broken\nname: broken\n")
    result = train_here("-cd", "mine", *TINY, "defense=broken", cwd=tmp_path)
    assert result.returncode != 0
    (folder,) = run_folders(tmp_path / "outputs")
    facts = json.loads((folder / "run.json").read_text())
    assert (facts["status"], facts["error"]) == ("failed", "RuntimeError: no idea")
    assert "Traceback" in (folder / "run.log").read_text()


def test_a_defense_and_an_attack_from_outside_of_the_package(tmp_path: Path) -> None:
    """One small file and one YAML each, nothing edited."""
    (tmp_path / "mine.py").write_text(
        "from byzdl.attacks import Attack, Messages\n"
        "from byzdl.defenses import Defense, smallest\n"
        "from byzdl.config.types import Share\n\n\n"
        "class Nearest(Defense):\n"
        "    alpha: Share = 0.5\n\n"
        "    def aggregate(self, state, inbox):\n"
        "        return state, inbox.mix(smallest(inbox.distances(), 1, among=inbox.valid), self.alpha)\n\n\n"
        "class Zero(Attack):\n"
        "    def send(self, state, view):\n"
        "        return state, Messages.same(0 * view.benign[0], view)\n"
    )
    for group, text in (
        ("defense", "_target_: mine.Nearest\nname: nearest\nalpha: 0.5\n"),
        ("attack", "_target_: mine.Zero\nname: zero\nbr: 0.34\n"),
    ):
        (tmp_path / "conf" / group).mkdir(parents=True)
        (tmp_path / "conf" / group / f"{text.split('name: ')[1].split()[0]}.yaml").write_text(text)
    result = train_here(
        "-cd", "conf", "-m", *TINY, "defense=nearest", "attack=zero", "defense.alpha=0.5,0.9", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert len(run_folders(tmp_path / "outputs")) == 2
    wrong = train_here("-cd", "conf", *TINY, "defense=nearest", "defense.alpha=2", cwd=tmp_path)
    assert "defense.alpha is 2, but must be a number in [0, 1]" in wrong.stderr


def test_the_defense_in_the_readme_works_as_it_stands_there(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (python,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class Clip" in block]
    (config,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (command,) = re.findall(r"^python train\.py (-cd mine .*)$", text, re.MULTILINE)
    (tmp_path / "clip.py").write_text(python)
    (tmp_path / "mine" / "defense").mkdir(parents=True)
    (tmp_path / "mine" / "defense" / "clip.yaml").write_text(config)
    result = train(*command.split(), *TINY, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    folders = run_folders(tmp_path / "outputs")
    assert len(folders) == 3
    assert all(float(rows(folder / "rounds.csv")[-1]["byzantine_weight"]) > 0 for folder in folders)


def test_a_done_run_survives_every_later_failure(tmp_path: Path) -> None:
    assert train_here(*TINY, cwd=tmp_path).returncode == 0
    (folder,) = run_folders(tmp_path / "outputs")
    before = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "run.log"}
    # The device is no part of the identity: the same folder, and a configuration that cannot run here.
    train_here("-m", *TINY, "device=cuda", "hydra/launcher=basic", cwd=tmp_path, CUDA_VISIBLE_DEVICES="")
    train_here("-m", *TINY, "seed=1", f"hydra.sweep.subdir={folder.name}", cwd=tmp_path)
    assert {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "run.log"} == before


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    result = train_here("-m", *TINY, "seed=0,1", "hydra.sweep.subdir=same", cwd=tmp_path)
    assert result.returncode != 0
    assert "1 of 2 runs failed" in result.stderr
    assert "hydra.sweep.subdir is" in result.stderr


def test_files_that_are_no_runs_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.yaml").write_text("precious: true\n")
    result = train_here(*TINY, "hydra.run.dir=mine", cwd=tmp_path)
    assert result.returncode == 1
    assert "holds files that belong to no run (config.yaml)" in result.stderr
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["config.yaml"]
    assert (tmp_path / "mine" / "config.yaml").read_text() == "precious: true\n"


def test_an_edited_defense_is_computed_anew(tmp_path: Path) -> None:
    (tmp_path / "mine" / "defense").mkdir(parents=True)
    (tmp_path / "mine" / "defense" / "own.yaml").write_text("_target_: own.Own\nname: own\n")
    code = (
        "from byzdl.defenses import Defense\n\n\n"
        "class Own(Defense):\n"
        "    def aggregate(self, state, inbox):\n"
        "        return state, inbox.mix(inbox.valid, {alpha})\n"
    )
    for alpha in (0.5, 0.9):
        (tmp_path / "own.py").write_text(code.format(alpha=alpha))
        result = train_here("-cd", "mine", *TINY, "defense=own", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert "already done" not in result.stderr
    assert len(run_folders(tmp_path / "outputs")) == 2


def test_other_data_in_another_folder_are_not_taken_for_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for place, count in (("A", 30), ("B", 30)):
        for part in ("train", "test"):
            for label in ("cat", "dog"):
                (tmp_path / place / part / label).mkdir(parents=True)
                for i in range(count):
                    image = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
                    Image.fromarray(image).save(tmp_path / place / part / label / f"{i}.png")
    shutil.copytree(tmp_path / "A", tmp_path / "moved")
    command = ["dataset=image_folder", "model=linear", "rounds=2", "batch_size=4", "topology.n=3", "topology.cr=1"]
    assert train_here(*command, "dataset.root=A", cwd=tmp_path).returncode == 0
    moved = train_here(*command, "dataset.root=moved", cwd=tmp_path)
    assert "already done" in moved.stderr
    other = train_here(*command, "dataset.root=B", cwd=tmp_path)
    assert other.returncode == 0
    assert "already done" not in other.stderr
    assert len(list((tmp_path / "outputs").glob("image_folder-*"))) == 2
    assert "2 of 2 runs are done already" in train_here("-m", *command, "dataset.root=A,B", cwd=tmp_path).stderr


def test_runs_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    """However it ends: a run that nobody knows of would be started a second time."""
    with endless_sweep(tmp_path) as sweep:
        log = until(lambda: next(iter((tmp_path / "outputs").glob("*/rounds.csv")), None))
    assert sweep.returncode == -signal.SIGKILL
    facts = json.loads((log.parent / "run.json").read_text())
    assert facts["status"] == "running"
    assert until(lambda: not alive(facts["pid"])), "the run goes on without its sweep"


def test_ctrl_c_stops_at_once_and_says_how_to_go_on(tmp_path: Path) -> None:
    with endless_sweep(tmp_path) as sweep:
        until(lambda: next(iter((tmp_path / "outputs").glob("*/rounds.csv")), None))
        sweep.send_signal(signal.SIGINT)
        _, said = sweep.communicate(timeout=150)
    assert sweep.returncode == 130
    assert said.strip().splitlines()[-1] == "byzdl: interrupted; the same command computes the missing runs"


def test_a_batch_that_fails_does_not_stop_the_next(tmp_path: Path) -> None:
    result = train_here("-m", *TINY, "attack.br=0.99,0.34", "hydra.sweeper.max_batch_size=1", cwd=tmp_path)
    assert "1 of 2 runs done" in result.stderr


def test_a_sweep_runs_the_code_beside_its_train_py(tmp_path: Path) -> None:
    """Also from another folder, and with another byzdl installed."""
    for name in ("byzdl", "conf"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name)
    shutil.copy(ROOT / "train.py", tmp_path / "copy")
    mean = tmp_path / "copy" / "byzdl" / "defenses" / "mean.py"
    mean.write_text(mean.read_text() + "\nraise RuntimeError('the copy')\n")
    (tmp_path / "statistics.py").write_text("raise RuntimeError('not the standard library')\n")
    command = [sys.executable, str(tmp_path / "copy" / "train.py"), "-m", *TINY, "defense=mean"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert "the copy" in result.stderr
    assert "not the standard library" not in result.stderr


def test_a_multirun_takes_keys_that_its_choices_have_and_the_default_has_not(tmp_path: Path) -> None:
    # The default attack has no z.
    result = train_here("-m", *TINY, "attack=alie,alie_1.5", "attack.z=2", "defense=mean", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    configs = [yaml.safe_load(file.read_text()) for file in tmp_path.glob("outputs/*/config.yaml")]
    assert [(config["attack"]["z"], config["attack"]["br"]) for config in configs] == [(2, 0.3)] * 2
    # Who has it not is refused alone.
    result = train_here("-m", *TINY, "attack=alie,max", "attack.z=2", "defense=mean", cwd=tmp_path)
    assert result.returncode == 1
    assert "attack.z: the chosen attack has no such key" in result.stderr
    assert "1 of 2 runs failed" in result.stderr


def test_what_belongs_to_a_swept_group_is_a_sweep_of_one() -> None:
    given = [
        "-m",
        "attack=a,b",
        "attack.x=1",
        "attack.l=[1,2]",
        "attack.s='p q'",
        "attack.w=1,2",
        "seed=3",
        "attack.e=",
    ]
    meant = ["-m", "attack=a,b", "attack.x=choice(1)", "attack.l=choice([1,2])", "attack.s=choice('p q')"]
    assert deferred(given) == [*meant, "attack.w=1,2", "seed=3", "attack.e="]
    assert deferred(["-m", "attack=a", "attack.x=1", "attack.(=1"]) == ["-m", "attack=a", "attack.x=1", "attack.(=1"]


@pytest.mark.parametrize("folder", [["-cd", "own"], ["--config-dir=own"]])
def test_a_named_sweep_is_one_whatever_is_wrong_with_it(
    folder: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    sweeper = {"params": {"attack": "alie,ipm"}, "cases": [{"defense": "ubar", "defense.rho": 0.5}]}
    text = yaml.safe_dump({"hydra": {"mode": "MULTIRUN", "sweeper": sweeper}})
    (tmp_path / "own" / "mine.yaml").write_text(text)
    (tmp_path / "own" / "single.yaml").write_text("rounds: 3\n")
    named = ["train.py", *folder, "-cn", "mine"]
    # Of the groups that it chooses, a key that the default choice has not.
    given = [*named, "seed=0,1", "attack.z=1", "defense.rho=0.4", "topology.n=5", "atack=max"]
    meant = ["seed=0,1", "attack.z=choice(1)", "defense.rho=choice(0.4)", "topology.n=5", "atack=max"]
    assert understood(given) == [named[0], "-m", *named[1:], *meant]
    for other in ["single", "none_such"]:
        given = ["train.py", *folder, "-cn", other, "defense.rho=0.4"]
        assert understood(given) == given
    for shown in ["--cfg", "job"], ["--help"]:
        assert understood([*named, *shown]) == [*named, *shown]
    assert understood([*named, "-m"]).count("-m") == 1
    (tmp_path / "own" / "mine.yaml").write_text("hydra: {mode: MULTIRUN}")
    assert understood([*named, "attack.z=1"]) == [named[0], "-m", *named[1:], "attack.z=1"]
    for broken in "hydra: MULTIRUN", "- 1", "{", "":
        (tmp_path / "own" / "mine.yaml").write_text(broken)
        assert understood([*named, "defense.rho=0.4"]) == [*named, "defense.rho=0.4"]


def test_a_named_sweep_with_lists_of_its_own_tells_what_is_wrong(tmp_path: Path) -> None:
    sweep = ["-cd", str(ROOT / "sweeps"), "-cn", "smoke", "seed=0,1"]
    assert "atack: no such key; did you mean attack?" in train_here(*sweep, "atack=max", cwd=tmp_path).stderr


def test_a_sweep_asked_for_without_m_is_told_so(tmp_path: Path) -> None:
    assert "--multirun" in train_here(*TINY, "seed=0,1", cwd=tmp_path).stderr
    assert "did you mean smoke" in train_here("-cn", "smok", cwd=tmp_path).stderr


@pytest.mark.parametrize("other", ["model=linear", "topology=ring"])
def test_the_papers_setting_goes_with_other_choices(other: str, tmp_path: Path) -> None:
    assert train_here("--cfg", "job", "experiment=paper", other, cwd=tmp_path).returncode == 0


def test_help_and_cfg_answer_a_newcomer(tmp_path: Path) -> None:
    shown = train_here("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for word in ("defense: balance, ", "attack.br", "sweeps", "tab completion"):
        assert word in shown.stdout
    job = yaml.safe_load(train_here("--cfg", "job", "experiment=paper", "dataset=image_folder", cwd=tmp_path).stdout)
    assert (job["batch_size"], job["optimizer"]["lr"], job["optimizer"]["momentum"]) == (256, 0.01, 0.9)
    assert (job["topology"]["n"], job["topology"]["cr"]) == (10, 0.4)
    assert (job["model"]["channels"], job["model"]["hidden"]) == ([32, 64], 128)
    assert job["dataset"]["name"] == "image_folder", "the command line wins over the experiment"


def test_tab_completion_knows_choices_and_keys(tmp_path: Path) -> None:
    def complete(line: str) -> list[str]:
        return train_here("-sc", "query=bash", cwd=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line))).stdout.split()

    assert "defense=loss_threshold" in complete("python train.py defense=lo")
    assert any(
        word.startswith("defense.theta") for word in complete("python train.py defense=loss_threshold defense.th")
    )


@pytest.mark.parametrize("sweep", sorted(file.stem for file in (ROOT / "sweeps").glob("*.yaml")))
def test_every_sweep_composes(sweep: str, tmp_path: Path) -> None:
    shown = train_here("-cd", str(ROOT / "sweeps"), "-cn", sweep, "--cfg", "all", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert yaml.safe_load(shown.stdout)["hydra"]["sweep"]["dir"] == f"outputs/{sweep}"
