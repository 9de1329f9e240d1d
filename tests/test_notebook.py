"""docs/notebook.ipynb runs from top to bottom, and a notebook is a place to define classes in."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command_line import ROOT, TINY

nbformat = pytest.importorskip("nbformat", reason="needs the extra dev")
NotebookClient = pytest.importorskip("nbclient", reason="needs the extra dev").NotebookClient
pytest.importorskip("ipykernel", reason="needs the extra dev")

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"

HALF = """
from byzdl.defenses import Defense
from byzdl.exchange import Mix


class Half(Defense):
    share: float = 0.5

    def aggregate(self, state, inbox):
        weights = FACTOR * self.share * inbox.metropolis * inbox.valid
        return state, Mix(inbox.combine(weights), inbox.valid, weights)
"""


CELLS = [
    f"import json, byzdl; FACTOR = 1.0; TINY = {TINY!r}; folder = lambda: byzdl.run(*TINY, defense=Half(), folder='mine').folder.name",
    HALF,
    "in_memory = byzdl.run(*TINY, defense=Half())",
    "first = folder()",
    "frame = byzdl.sweep(*TINY, defense=['mean', Half(), Half(share=0.2)], folder='mine', jobs=2)",
    HALF.replace("self.share", "(1 - self.share)"),
    "edited = folder()",
    HALF,
    "FACTOR = 0.9; with_another_factor = folder(); FACTOR = 1.0",
    "print(json.dumps([first, edited, with_another_factor, folder(), sorted(set(frame['defense'])), in_memory.config['defense']['name']]))",
]


class Executed(NamedTuple):
    """Cells after their execution, and their folder."""

    notebook: list[Any]
    cells: list[Any]
    folder: Path


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The notebook and then `CELLS`, by one kernel, which has torch to import. A cell that fails raises its error."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:  # with one seed in place of three, to save time
        cell.source = cell.source.replace('"seed": range(3)', '"seed": range(1)')
    sizes = "[run.rounds['round'].tolist(), sorted(set(frame['defense'])), frame['run'].nunique()]"
    more = [f"import json; print(json.dumps({sizes}))", "%reset -f", *CELLS]
    notebook.cells += [nbformat.v4.new_code_cell(text) for text in more]
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return Executed(notebook.cells[: -len(CELLS) - 1], notebook.cells[-len(CELLS) :], folder)


def told(cell: Any) -> Any:
    """What a cell prints as JSON."""
    return json.loads("".join(output["text"] for output in cell.outputs if output.name == "stdout"))


def test_the_notebook_runs(executed):
    rounds, defenses, runs = told(executed.notebook[-1])
    assert rounds == [0, 10, 20, 30, 40, 50]
    assert defenses == ["local", "mean", "nearest_half", "trimmed_mean", "ubar"]
    assert runs == 5 * 2 * 1


def test_the_notebook_shows_what_it_found():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    pictures = [output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
    assert NOTEBOOK.stat().st_size < 400_000


def test_a_cell_is_a_place_for_a_class(executed):
    """Its runs can be kept and swept over, and belong to the code of the cell."""
    first, edited, other, again, defenses, name = told(executed.cells[-1])
    assert first == again
    assert len({first, edited, other}) == 3
    assert defenses == ["half share=0.2", "half share=0.5", "mean"]
    assert name == "half"
    # The sweep finds the run that was kept.
    assert len(list((executed.folder / "mine").glob("*-half-*"))) == 4
    # Progress is shown, in a run and in a sweep.
    shown = [
        "".join(output.text for output in cell.outputs if output.get("name") == "stderr") for cell in executed.cells
    ]
    assert "round" in shown[2]
    assert "running" in shown[4]
