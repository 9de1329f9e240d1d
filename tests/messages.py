"""Does what users get wrong, and collects what each is told: tests/messages.md, to be read in one go.

`python tests/messages.py` writes the list anew. tests/test_messages.py compares it, and names errors that it lacks.
"""

import contextlib
import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command_line import byzdl_here
from helpers import CONF, choices
from PIL import Image

import byzdl
from byzdl.analysis import AnalysisError
from byzdl.config.compose import compose
from byzdl.config.explain import WRONG_INPUT, explain
from byzdl.config.keys import GROUPS
from byzdl.config.yamls import keys, target
from byzdl.simulation import parse
from byzdl.simulation.settings import component

LIST = Path(__file__).with_name("messages.md")
CASES = Path(__file__).with_name("mistakes.txt")

Told = list[tuple[str, str]]


def text() -> str:
    """The whole list."""
    lines = ["# What users are told", "", "`python tests/messages.py` writes this list: what was typed, and the whole answer."]
    for title, told in sections():
        lines += ["", f"## {title}", ""]
        for typed, said in told:
            lines += [f"- `{typed}`", f"  {said}"]
    return "\n".join([*lines, ""])


def sections() -> Iterator[tuple[str, Told]]:
    """Each section of the list with its cases, told in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        here = Path(folder)
        prepare(here)
        for part in CASES.read_text(encoding="utf-8").split("\n\n"):
            title, *typed = part.strip().splitlines()
            tell = python if title.startswith("Python") else shell
            yield title, [(line, tell(line, here)) for line in typed]
        yield "A value of a wrong kind, for every key", wrong_kinds()


def shell(typed: str, here: Path) -> str:
    """What a `byzdl` command is answered with."""
    answer = byzdl_here(*shlex.split(typed)[1:], cwd=here)
    assert answer.returncode, f"no error: {typed}"
    assert "Traceback" not in answer.stderr, answer.stderr
    return anywhere(answer.stderr.strip(), here)


def python(typed: str, here: Path) -> str:
    """What an expression is answered with."""
    try:
        eval(typed, {"byzdl": byzdl, "np": np, "torch": torch, "Mine": OWN})
    except (*WRONG_INPUT, AnalysisError) as error:
        return anywhere(str(error) if isinstance(error, AnalysisError) else explain(error), here)
    raise AssertionError(f"no error: {typed}")


def anywhere(said: str, here: Path) -> str:
    """An answer without what differs between machines, and without its indents."""
    for place in (here.resolve(), here):
        said = said.replace(f"{place}/", "").replace(str(place), ".")
    said = said.replace(f"{CONF.parent}/", "").removeprefix("byzdl: ")
    return "\n  ".join(line.strip() for line in said.splitlines())


def wrong_kinds() -> Told:
    """The answer to a mapping in the place of each key's value."""
    config, nonsense = compose(), {"a": "b"}
    found: dict[str, str] = {}

    def told(key: str, check: Any) -> None:
        try:
            check()
        except WRONG_INPUT as error:
            found.setdefault(explain(error), key)

    for key in keys(CONF / "config.yaml"):
        group, _, inner = key.partition(".")
        wrong = {**config, group: {**config[group], inner: nonsense} if inner else nonsense}
        told(key, lambda wrong=wrong: parse(wrong))
    for group in GROUPS:
        for file in (CONF / group / f"{choice}.yaml" for choice in choices(group)):
            for key in keys(file):
                chosen = {"_target_": target(file), "name": file.stem, key: nonsense}
                told(f"{group}={file.stem} {group}.{key}", lambda group=group, chosen=chosen: component(group, chosen))
    return [(f"{key}={{a: b}}", said) for said, key in found.items()]


class Own:
    """Rules of one's own, each with a mistake."""


OWN = Own()


def prepare(here: Path) -> None:
    """Fills a folder with files, each with a mistake."""
    for name, content in FILES.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for root in ("images", "broken", "float", "missing", "deep"):
        for part in ("train", "test"):
            for label in ("cat", "dog"):
                (here / root / part / label).mkdir(parents=True)
                Image.fromarray(np.zeros((4, 4), np.uint8)).save(here / root / part / label / "0.png")
    (here / "broken/train/cat/0.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(here / "float/train/cat/1.tiff")
    (here / "missing/train/cat/0.png").rename(here / "missing/train/cat/0.doc")
    (here / "deep/train/cat/images").mkdir()
    (here / "deep/train/cat/0.png").rename(here / "deep/train/cat/images/0.png")
    np.save(here / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)


FILES: dict[str, str | bytes] = {
    "empty.edges": "",
    "titles.edges": "from,to\n",
    "one.edges": "0 1\n1 2\n2 0\n",
    "directed.csv": "0,1,0\n0,0,1\n1,0,0\n",
    "uneven.csv": "0,1\n1,0,1\n",
    "graph.graphml": "<graphml>",
    "graph.doc": "0 1",
    "mine/defense/ubar.yaml": "name: ubar\nrho: 0.9\n",
    "half/defense/open.yaml": "_target_: byzdl.defenses.Ubar\nname: open\nrho: ???\n",
    "half/attack/malformed.yaml": "name: [\n",
    "run/config.yaml": "seed: 0\n",
    "run/run.json": json.dumps({"schema": 1}),
    "runs/a/run.json": "{",
    "runs/b/run.json": json.dumps({"schema": 1, "status": "done"}),
    "runs/sweep-0123456789.json": json.dumps({"schema": 3, "runs": [{"name": 1}]}),
    "file": "",
}


if __name__ == "__main__":
    LIST.write_text(text(), encoding="utf-8")
