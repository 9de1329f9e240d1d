"""What docs/analysis.md shows runs as it stands there."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from byzdl.analysis.__main__ import main

TEXT = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)

DEFENSES = {"loss_threshold": 0.95, "ubar": 0.9, "d_krum": 0.1, "local": 0.8, "oracle": 0.96}


@pytest.fixture
def sweep(write, folder, monkeypatch):
    """A small one such as outputs/default; the examples are started from beside it."""
    for seed in range(3):
        for defense, end in DEFENSES.items():
            rates = {"byzantine_accept_rate": 0, "benign_accept_rate": 0.5, "fallback_rate": 0.1, "theta_mean": 0.1}
            rows = [
                {"round": 10 * i, "accuracy_mean": value, "accuracy_worst": value / 2, **rates}
                for i, value in enumerate((0.1, end / 2, end + seed / 100))
            ]
            write(name=f"default/{defense}{seed}", seed=seed, attack={"br": 0.5}, defense={"name": defense}, rows=rows)
    write(name="after/run", attack={"br": 0.5})
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    with mpl.rc_context():  # an example sets a theme
        yield
    plt.close("all")


def test_the_examples_run_and_print_what_is_said(sweep, capsys):
    blocks = [(kind, text) for kind, text in BLOCKS if kind in ("python", "text")]
    kept: dict[str, object] = {}
    printed, examples = "", 0
    for kind, text in blocks:
        if kind == "python":
            exec(compile(text, "docs/analysis.md", "exec"), kept)
            printed = capsys.readouterr().out
            examples += 1
        elif printed:
            # The numbers are another sweep's; the columns are the same.
            assert printed.splitlines()[0].split() == text.splitlines()[0].split()
            assert len(printed.splitlines()) >= 3
            printed = ""
    assert examples == 6
    assert all(Path(file).stat().st_size > 5000 for file in ("column.pdf", "beside.png", "listening.png"))


def test_the_commands_run(sweep, capsys):
    (command,) = (text.strip() for kind, text in BLOCKS if not kind and "compare" in text)
    main(command.removeprefix("byzdl ").split())
    (said,) = (text for _, text in BLOCKS if text.startswith("12 runs have the same"))
    without_numbers = re.compile(r"\d+")
    assert without_numbers.sub("", capsys.readouterr().out.splitlines()[0]) == without_numbers.sub(
        "", said.splitlines()[0]
    )
    assert Path("change.csv").is_file()
