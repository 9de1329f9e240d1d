"""`python docs/catalogue.py`: writes docs/catalogue.md, with a line and the sources of every choice of conf/.

Reads the YAMLs of conf/, the docstrings of byzdl (without importing it) and docs/sources.yaml.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import griffe
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "catalogue.md"

TITLES = {
    "attack": "Attacks",
    "defense": "Defenses",
    "pre": "Pre-aggregation",
    "topology": "Graphs",
    "dataset": "Data sets",
    "partition": "Splits",
    "model": "Models",
}

INTRODUCTION = """\
# Catalogue

Everything that can be chosen, by the key that chooses it: `byzdl run attack=alie defense=ubar`. A name links to the
choice's file. `byzdl explain alie` prints the keys of a choice and their defaults; they are also explained in its YAML,
`conf/GROUP/CHOICE.yaml`. "The paper" is S. Masuda and K. Shudo, *Loss Based Byzantine Resilience for Decentralized
Learning*.

This page is written by `python docs/catalogue.py`, which `make docs` runs.
"""

# The end of a first sentence; `eq. 8`, `et al. 2019`, `x.y` and `A. Doe` end none.
END = re.compile(r"(?<!\bal)(?<!\b[A-Z])\.(?=\s+[A-Z*`]|\s*$)")
# The end of a first reference: its year in parentheses.
YEAR = re.compile(r"\([^()]*\d{4}\)")
URL = re.compile(r"<?https?://[^\s>,;)]+>?|\barXiv:\s*\d{4}\.\d{4,5}|\bdoi:\s*10\.[^\s,;)]+", re.IGNORECASE)


class Choice(NamedTuple):
    """Holds a row of the catalogue.

    - `group`, `name`: typed as GROUP=NAME
    - `file`: the file of its class, or the YAML of a variant, relative to the repository's root
    - `target`: the path of its class; None for a variant, which is another choice with other values
    - `line`: a sentence on what it does
    - `source`: Markdown, or empty
    """

    group: str
    name: str
    file: Path
    target: str | None
    line: str
    source: str


def choices(group: str) -> list[Choice]:
    """Lists all choices of a config group, by name."""
    files = sorted((ROOT / "conf" / group).glob("*.yaml"), key=lambda file: file.stem)
    texts = {file: file.read_text(encoding="utf-8") for file in files}
    targets = [str(yaml.safe_load(text).get("_target_")) for text in texts.values()]
    sources = yaml.safe_load((ROOT / "docs" / "sources.yaml").read_text(encoding="utf-8")).get(group) or {}
    return [
        _choice(group, file, text, target, targets.count(target) == 1, sources)
        for (file, text), target in zip(texts.items(), targets, strict=True)
    ]


def _choice(
    group: str, file: Path, text: str, target: str, alone: bool, sources: Mapping[str, Sequence[Mapping[str, str]]]
) -> Choice:
    cls = described(target)
    # A variant, or a choice that shares its class, differs from others in its YAML alone.
    line = first_sentence(cls.docstring.value) if cls and cls.docstring and alone else comment(text)
    listed = ", ".join(_link(one["text"], one.get("url")) for one in sources.get(file.stem, []))
    source = listed or (source_of(cls.docstring.value) if cls and cls.docstring else "")
    home = Path(str(cls.filepath)) if cls else file
    path = str(cls.path) if cls else None
    return Choice(group, file.stem, home.relative_to(ROOT), path, line, source)


def described(target: str) -> Any:
    """Finds the class behind a `_target_`. None if byzdl has no such class."""
    root, _, path = target.partition(".")
    try:
        found = _package()[path] if root == "byzdl" and path else None
    except KeyError:
        return None
    return found.final_target if found is not None and found.is_alias else found


@cache
def _package() -> Any:
    return griffe.load("byzdl", search_paths=[ROOT], resolve_aliases=True)


def comment(text: str) -> str:
    """Returns the first line of a YAML, without its comment mark."""
    return text.splitlines()[0].removeprefix("#").strip()


def first_sentence(docstring: str) -> str:
    r"""Returns the first sentence of a docstring, on one line.

    >>> first_sentence("Clips as Li et al. do, eq. 8, by x.y. Then\nmore.")
    'Clips as Li et al. do, eq. 8, by x.y.'
    """
    paragraph = _joined(docstring.strip().partition("\n\n")[0])
    end = END.search(paragraph)
    return paragraph[: end.end()] if end else paragraph


def source_of(docstring: str) -> str:
    r"""Returns the first reference of a docstring's **Source:** paragraph as Markdown, linked if a link stands in it.

    >>> source_of("Clips.\n\n**Source:** A. Doe, *Clip* (ICML 2020), arXiv:2001.00001. There it is slower.")
    '[A. Doe, *Clip* (ICML 2020)](https://arxiv.org/abs/2001.00001)'
    >>> source_of("Clips.\n\n**Source:** ours; after nobody. Slow.")
    'ours; after nobody'
    """
    found = re.search(r"^\s*\*\*Source:\*\*\s*(.+?)(?=\n\s*\n|\Z)", docstring, re.MULTILINE | re.DOTALL)
    if not found:
        return ""
    paragraph = _joined(found[1])
    if linked := re.match(r"\[[^\[\]]+\]\([^()\s]+\)", paragraph):
        return linked[0]
    url = URL.search(paragraph)
    year, end = YEAR.search(paragraph), END.search(paragraph)
    text = paragraph[: year.end()] if year else paragraph[: end.start()] if end else paragraph
    return _link(
        re.sub(rf"[\s,;:]*(?:{URL.pattern})", "", text, flags=re.IGNORECASE).strip(" ,;:"),
        _address(url[0]) if url else None,
    )


def _address(url: str) -> str:
    url = url.strip("<>").rstrip(".")
    kind, _, rest = url.partition(":")
    prefix = {"arxiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}.get(kind.lower())
    return f"{prefix}{rest.strip()}" if prefix else url


def _link(text: str, url: str | None) -> str:
    return f"[{text}]({url})" if url else text


def _joined(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def catalogue() -> str:
    """Builds the page, as Markdown."""
    parts = [INTRODUCTION]
    for group, title in TITLES.items():
        rows = [
            f"| [{one.name}](../{one.file.as_posix()}) | {_cell(one.line)} | {_cell(one.source)} |"
            for one in choices(group)
        ]
        table = [f"| `{group}=` | what it does | source |", "|:--|:--|:--|", *rows]
        parts.append(f"## {title}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(catalogue(), encoding="utf-8")
