"""Damaged folders: every command names what it cannot read, on one line, and never shows a traceback."""

import contextlib
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from conftest import planner, writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byzdl.analysis import AnalysisError, find, load, load_nodes
from byzdl.analysis.__main__ import main as figures
from byzdl.analysis.compare import main as compare
from byzdl.analysis.leaderboard import main as leaderboard
from byzdl.commands.runs import main as runs
from byzdl.commands.status import main as status

pytestmark = pytest.mark.filterwarnings("ignore::byzdl.analysis.IncompleteWarning")

EXAMPLES = int(os.environ.get("BYZDL_EXAMPLES", "12"))  # more of them for a longer search

RUNS = [f"{defense}-{seed}" for defense in ("ubar", "local") for seed in (0, 1)]
FILES = ("run.json", "config.yaml", "rounds.csv", "nodes.csv", "edges.csv")
PLACES = ["sweep-0.json", *(f"{run}/{name}" for run in RUNS[:2] for name in FILES)]

TEXTS = st.sampled_from([
    *("", "\0", "nan", "-1", "1e999", "1e300", "abc", "0.5", "3", "[1,2]", "{}", "null", "true", '"x"', "é", "1" * 6000),
    *("\\ud800", "2020-01-01", "!!timestamp x", "!!bool x", "!!python/name:os.system", "&a [*a]", "[" * 3000, "'", '"'),
    *(",", "\n", "\r", "\t", ";", "{a: 1}", "0x10", ".inf", "~", "? [a]\n: b", "!!set {a, b}", "!!binary YQ=="),
])  # fmt: skip
VALUES = st.sampled_from([
    *(None, True, 0, -1, 1, 1.5, float("nan"), float("inf"), 10**400, "", "x", "\ud800", "done", "failed", "running"),
    *([], [1], [None], [[0, 1]], [[0, 99]], [["a", "b"]], {}, {"a": 1}, {"/x": 3}),
])  # fmt: skip
KEYS = st.sampled_from(["run", "round", "setting", "br", "accuracy_mean", "byzantine_nodes", "status", "schema", 5])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Runs of two defenses and two seeds, and a sweep that planned more and refused some."""
    folder = tmp_path_factory.mktemp("whole")
    write = writer(folder)
    for name in RUNS:
        run = write(name=name, defense={"name": name[:-2]}, seed=int(name[-1]))
        facts = {**json.loads((run / "run.json").read_text()), "byzantine": [1], "edges": [[0, 1]]}
        (run / "run.json").write_text(json.dumps(facts))
        edges = [f"{rounds},0,1,10,5,0.5" for rounds in (10, 20)]
        (run / "edges.csv").write_text("\n".join(["round,node,neighbour,arrived,accepted,weight", *edges, ""]))
    planner(folder)(("ubar-0", ["seed=0"], None), ("gone", ["seed=5"], None), (None, ["attack=maxx"], "no such attack"))
    return folder


@st.composite
def damages(draw):
    """A function that damages a file, and its description."""
    how = draw(
        st.sampled_from(["cut", "bytes", "insert", "replace", "value", "cell", "line", "folder", "none", "loop"])
    )
    place, text, value, key = draw(st.floats(0, 1)), draw(TEXTS), draw(VALUES), draw(KEYS)

    def at(items):
        return int(place * (len(items) - 1))

    def damage(file):
        if not file.is_file():
            return
        content = file.read_bytes()
        if how in ("cut", "bytes", "insert", "replace"):
            i, new = at(content), text.encode()
            changed = {
                "cut": content[:i],
                "bytes": content[:i] + b"\xff\xfe" + content[i + 1 :],
                "insert": content[:i] + new + content[i:],
                "replace": new,
            }
            file.write_bytes(changed[how])
        elif how == "line":
            lines = content.splitlines(keepends=True)
            file.write_bytes(b"".join([*lines[: at(lines)], *lines[at(lines) :][:1], *lines[at(lines) :]]))
        elif how in ("value", "cell"):
            file.write_bytes(changed_within(file.name, content.decode(errors="replace")))
        else:
            file.unlink()
            if how == "folder":
                file.mkdir()
            elif how == "loop":
                file.symlink_to(file.name)

    def changed_within(name, content):
        if name.endswith(".csv"):
            rows = [line.split(",") for line in content.splitlines()] or [[""]]
            row = rows[at(rows)]
            row[at(row)] = text.replace("\n", "")
            return ("\n".join(map(",".join, rows)) + "\n").encode()
        try:
            parsed = json.loads(content) if name.endswith(".json") else yaml.safe_load(content)
        except (ValueError, yaml.YAMLError):
            return content.encode()
        within = [parsed, *(inner for inner in parsed.values() if isinstance(inner, dict))] if parsed else []
        within += [entry for entry in (parsed or {}).get("runs", []) if isinstance(entry, dict)]
        chosen = within[at(within)] if within else {}
        chosen[[*chosen, key][at([*chosen, key])]] = value
        dump = json.dumps if name.endswith(".json") else yaml.safe_dump
        return dump(parsed).encode(errors="surrogatepass")

    return how, damage


def answer(command, *arguments):
    """What a command prints, and the line that it ends with."""
    out, end = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            command(*arguments)
    except SystemExit as exited:
        end = str(exited.code).removeprefix("byzdl: ")
    except AnalysisError as error:
        end = str(error)
    assert "\n" not in end or end.startswith("nothing is merged")
    said = out.getvalue() + end
    said.encode()  # can be printed
    return said


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    monkeypatch.setattr("byzdl.analysis.output.save", lambda figure, stem: [])


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damaged=st.lists(st.tuples(st.sampled_from(PLACES), damages()), min_size=1, max_size=3), drawn=st.integers(0, 9))
def test_damaged_files_are_named_and_the_others_read(whole, damaged, drawn):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "outputs")
        shutil.copytree(whole, folder)
        for name, (_, damage) in damaged:
            damage(folder / name)
        found = {run.name: run for run in find(folder)}
        untouched = set(RUNS) - {str(Path(name).parent) for name, _ in damaged}
        assert {name for name, run in found.items() if run.status == "done"} >= untouched
        assert all(place in run.why for run in found.values() if run.status == "unreadable")
        both = [str(folder), str(folder)]
        for command, *arguments in (
            *((load, folder), (load_nodes, folder), (status, both), (compare, both)),
            *(
                (runs, ["rm", both[0], "--unreadable", "--dry-run"]),
                (runs, ["merge", *both, "--into", f"{place}/into"]),
            ),
            *((figures, both[:1]), (leaderboard, both[:1]), (report, both[:1]))[3 * (drawn > 0) :],
        ):
            answer(command, *arguments)


@pytest.mark.parametrize("name", PLACES[: len(FILES) + 1])
def test_what_is_no_file_or_may_not_be_read_is_unreadable(whole, tmp_path, name, monkeypatch):
    """A folder, a link to nothing or to itself, or another user's file."""
    folder = tmp_path / "outputs"
    shutil.copytree(whole, folder)
    file = folder / name
    told = file.parent.name if "/" in name else file.name
    last = file.name in ("nodes.csv", "edges.csv")  # Only the report reads both of them.
    for replaced in (file.mkdir, lambda: file.symlink_to("nowhere"), lambda: file.symlink_to(file.name)):
        file.unlink()
        replaced()
        found = {run.name: (run.status, run.why) for run in find(folder)}
        if not last:
            assert found[told][0] == "unreadable"
            assert str(file) in found[told][1]
        else:
            assert str(file) in answer(report, [str(folder)])
        shutil.rmtree(file) if file.is_dir() else file.unlink()
        file.touch()

    opened = Path.open

    def forbidden(path, *arguments, **options):
        if path == file:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", forbidden)
    said = answer(report if last else status, [str(folder)])
    assert f"{file}: cannot be read (Permission denied)" in said


def report(arguments):
    """`byzdl report`, without Plotly's own script."""
    pytest.importorskip("plotly", reason="the extra report is not installed")
    from byzdl.analysis.report.__main__ import main

    main(arguments)
