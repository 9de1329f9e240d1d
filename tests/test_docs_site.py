"""The catalogue covers every choice, links in the documents lead somewhere, and so do those that the site rewrites."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import choices

from byzdl.config.keys import GROUPS
from byzdl.data import Arrays

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")

pytest.importorskip("griffe", reason="needs the extra docs")


def module(name):
    """A module of docs/, which is no package."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def catalogue():
    return module("catalogue")


@pytest.fixture(scope="module")
def hooks():
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    return module("site_hooks")


def prose(text):
    """A document without its code."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def code(document):
    """What stands between backquotes in a document."""
    return re.findall(r"`[^`\n]+`", document.read_text(encoding="utf-8"))


def dead_links(text, folder):
    links = [link for link in LINK.findall(prose(text)) if "://" not in link and not link.startswith(("#", "mailto:"))]
    return [link for link in links if not (folder / link.partition("#")[0]).exists()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_leads_somewhere(document):
    assert not dead_links(document.read_text(encoding="utf-8"), document.parent)


def test_the_readme_is_short():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 700
    assert text.count("![") == 1


def test_a_dead_link_would_be_found():
    text = "[a](b/c.md#d) [e](train.py) `[f](g)` [h](https://i)\n```\n[j](k)\n```\n"
    assert dead_links(text, ROOT) == ["b/c.md#d"]


def test_every_test_that_a_document_names_exists():
    sources = {file: file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py")}
    there = {file.stem for file in sources}.union(
        *(re.findall(r"^def (test_\w+)", text, re.M) for text in sources.values())
    )
    named = {name for file in DOCUMENTS for name in re.findall(r"\b(test_\w+)\b(?!=)", "".join(code(file)))}
    named -= {*Arrays._fields}
    assert len(named) > 30
    assert not named - there


def test_the_catalogue_covers_every_group(catalogue):
    assert set(catalogue.TITLES) == set(GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_the_catalogue_covers_every_choice(catalogue, group):
    entries = catalogue.choices(group)
    assert [one.name for one in entries] == choices(group)
    page = catalogue.catalogue()
    for one in entries:
        assert one.line
        assert (ROOT / one.file).is_file()
        assert f"| [{one.name}](../{one.file.as_posix()}) | " in page


def test_every_row_has_three_cells_and_every_link_leads_somewhere(catalogue):
    page = catalogue.catalogue()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) > 80
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert not dead_links(page, ROOT / "docs")


def test_the_catalogue_is_the_same_in_every_process(catalogue):
    code = "import catalogue; print(catalogue.catalogue(), end='')"
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, encoding="utf-8", check=True
    )
    assert other.stdout == catalogue.catalogue()


def test_a_variant_is_told_apart_by_its_yaml(catalogue):
    by_name = {one.name: one for one in catalogue.choices("attack")}
    first = (ROOT / "conf/attack/alie_1.5.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert by_name["alie_1.5"].line == first.removeprefix("# ")
    assert by_name["alie_1.5"].file == Path("conf/attack/alie_1.5.yaml")
    assert by_name["alie"].file == Path("byzdl/attacks/alie.py")


def test_curated_sources_are_of_choices_that_exist():
    curated = yaml.safe_load((ROOT / "docs" / "sources.yaml").read_text(encoding="utf-8"))
    assert not {(group, name) for group, of in curated.items() for name in of if name not in choices(group)}


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("Clips.\n\n    **Source:** A. Doe, *A\n    clip* (ICML 2020). Slow.", "A. Doe, *A clip* (ICML 2020)"),
        (
            "Clips.\n\n**Source:** A. Doe, *Clip* (ICML 2020), https://a.b/c. Slow.",
            "[A. Doe, *Clip* (ICML 2020)](https://a.b/c)",
        ),
        ("Clips.\n\n**Source:** *Clip* (2020, arXiv:2001.00001).", "[*Clip* (2020)](https://arxiv.org/abs/2001.00001)"),
        ("Clips.\n\n**Source:** *Clip* (2020), doi:10.1/2.", "[*Clip* (2020)](https://doi.org/10.1/2)"),
        ("Clips.\n\n**Source:** [*Clip* (2020)](https://a.b/c), eq. 1.", "[*Clip* (2020)](https://a.b/c)"),
        ("Clips.\n\n**Source:** after A. Doe et al. Theirs is slower.", "after A. Doe et al. Theirs is slower"),
        ("Clips.\n\n**Source:** none; ours.", "none; ours"),
        ("Clips.", ""),
    ],
)
def test_a_choice_without_curated_sources_shows_its_docstrings_first_reference(catalogue, docstring, shown):
    assert catalogue.source_of(docstring) == shown


def test_the_examples_of_the_catalogue_run(catalogue):
    assert doctest.testmod(catalogue).attempted == 3
    assert not doctest.testmod(catalogue).failed


def test_the_site_keeps_links_between_documents_and_rewrites_those_that_leave_them(hooks):
    config = hooks.MkDocsConfig()
    config.load_dict({"site_name": "byzdl", "docs_dir": str(ROOT / "docs")})
    config.validate()
    names = ["scaling.md", "catalogue.md", "index.md", "contributing.md", "reproduction/fig1_max.png"]
    files = hooks.Files([hooks.File(name, None, "site", use_directory_urls=False) for name in names])

    def of(uri, text):
        return "\n".join(hooks._lines(text, uri, config, files)).rstrip("\n")

    assert of("index.md", "[a](docs/scaling.md#ray)") == "[a](scaling.md#ray)"
    assert of("index.md", "![a](docs/reproduction/fig1_max.png)") == "![a](reproduction/fig1_max.png)"
    assert of("index.md", "[a](CONTRIBUTING.md)") == "[a](contributing.md)"
    assert of("scaling.md", "[b](../README.md)") == "[b](index.md)"
    assert (
        of("scaling.md", "[two\nlines](catalogue.md) [c](https://a.b)") == "[two\nlines](catalogue.md) [c](https://a.b)"
    )
    assert of("scaling.md", "[Alie](../byzdl/attacks/alie.py)") == "[Alie][byzdl.attacks.alie.Alie]"
    assert of("scaling.md", "[ring](../byzdl/topology/fixed.py)") == "[ring][byzdl.topology.fixed.Ring]"
    assert of("scaling.md", "[conf/](../conf)") == "conf/"
    assert of("scaling.md", "[a](../missing.py)") == "[a](../missing.py)"
    code = "`[a](../conf)`\n\n```\n[a](../conf)\n```"
    assert of("scaling.md", code) == code
    config.repo_url = "https://host/owner/byzdl"
    assert of("scaling.md", "[conf/](../conf)") == "[conf/](https://host/owner/byzdl/tree/HEAD/conf)"
    assert of("index.md", "[a](train.py#L3)") == "[a](https://host/owner/byzdl/blob/HEAD/train.py#L3)"


def test_a_notebook_becomes_a_page_and_its_pictures(hooks, tmp_path):
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text(
        """{"cells": [
        {"cell_type": "markdown", "source": ["# Title\\n", "text"]},
        {"cell_type": "raw", "source": ["left out"]},
        {"cell_type": "code", "source": ["1 + 1"], "outputs": [
            {"output_type": "stream", "text": ["out\\n"]},
            {"output_type": "execute_result", "data": {"text/plain": ["2"]}},
            {"output_type": "display_data", "data": {"image/png": "aGk=\\n", "text/plain": ["<Figure>"]}}]}]}""",
        encoding="utf-8",
    )
    page = "# Title\ntext\n\n```python\n1 + 1\n```\n\n```text\nout\n```\n\n```text\n2\n```\n\n![Output of the code above](notebook/0.png)\n"
    assert dict(hooks._pages_of(notebook)) == {"notebook/0.png": b"hi", "notebook.md": page}


def test_an_example_in_a_docstring_becomes_a_block_of_code():
    fenced = module("griffe_doctests").fenced
    example = "    >>> if x:\n    ...     f()\n    2\n    >>> g()"
    fence = "    ```"
    assert fenced(f"Adds.\n\n{example}\n\n    - `a`: b") == f"Adds.\n\n{fence}pycon\n{example}\n{fence}\n\n    - `a`: b"
    assert fenced("Adds.\n\n>>> 1\n1") == "Adds.\n\n```pycon\n>>> 1\n1\n```"
    assert fenced("a >>> b") == "a >>> b"
