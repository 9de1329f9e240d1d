"""Does what users get wrong, and collects what each is told: tests/messages.md, to be read in one go.

`python tests/messages.py` writes the list anew. tests/test_messages.py compares it, and names errors that it lacks.
"""

import contextlib
import json
import shlex
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from command_line import byzdl_here
from helpers import CONF, choices
from PIL import Image

import byzdl
from byzdl.analysis import AnalysisError
from byzdl.config.columns import SCHEMA_VERSION
from byzdl.config.compose import compose
from byzdl.config.explain import WRONG_INPUT, explain
from byzdl.config.keys import GROUPS
from byzdl.config.yamls import keys, target
from byzdl.defenses import Ubar
from byzdl.simulation import parse
from byzdl.simulation.settings import component

LIST = Path(__file__).with_name("messages.md")
CASES = Path(__file__).with_name("mistakes.txt")

Told = list[tuple[str, str]]


def text() -> str:
    """The whole list."""
    lines = [
        "# What users are told",
        "",
        "`python tests/messages.py` writes this list: what was typed, and the whole answer.",
    ]
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
        yield "A value out of range", out_of_range()
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
        eval(typed, {"byzdl": byzdl, "np": np, "Ubar": Ubar})
    except (*WRONG_INPUT, AnalysisError) as error:
        return anywhere(str(error) if isinstance(error, AnalysisError) else explain(error), here)
    raise AssertionError(f"no error: {typed}")


def anywhere(said: str, here: Path) -> str:
    """An answer without what differs between machines, and without its indents."""
    for place in (here.resolve(), here):
        said = said.replace(f"{place}/", "").replace(str(place), ".")
    for words in OF_LIBRARIES:
        said = said.replace(words, "...")
    said = said.replace(f"{CONF.parent}/", "").removeprefix("byzdl: ")
    return "\n  ".join(line.strip() for line in said.splitlines())


def out_of_range() -> Told:
    """The answer to a number that a key does not take."""
    config = compose()
    return [(f"{key}={value}", refusal(parse, changed(config, key, value))) for key, value in RANGES]


def changed(config: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    group, _, inner = key.partition(".")
    return {**config, group: {**config[group], inner: value} if inner else value}


def refusal(check: Callable[..., object], *arguments: object) -> str:
    try:
        check(*arguments)
    except WRONG_INPUT as error:
        return explain(error)
    raise AssertionError("no error")


def wrong_kinds() -> Told:
    """The answer to a mapping in the place of each key's value."""
    config, nonsense = compose(), {"a": "b"}
    found: dict[str, str] = {}
    for key in keys(CONF / "config.yaml"):
        found.setdefault(refusal(parse, changed(config, key, nonsense)), key)
    for group in GROUPS:
        for file in (CONF / group / f"{choice}.yaml" for choice in choices(group)):
            for key in (key for key in keys(file) if key != "args"):  # which takes mappings
                needed = {"n": 10} if group == "topology" else {"source": "MNIST"} if group == "dataset" else {}
                chosen = {"_target_": target(file), "name": file.stem, **needed, key: nonsense}
                if "source" in chosen and "source" not in keys(file):
                    del chosen["source"]
                said = refusal(component, group, chosen)
                found.setdefault(said, f"{group}={file.stem} {group}.{key}")
    return [(f"{key}={{a: b}}", said) for said, key in found.items()]


def prepare(here: Path) -> None:
    """Fills a folder with files, each with a mistake."""
    for name, content in FILES.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name, change in CONFIGURATIONS.items():
        (here / name).mkdir()
        (here / name / "config.yaml").write_text(yaml.safe_dump(compose() | change))
    (here / "done/run.json").write_text(json.dumps({"schema": SCHEMA_VERSION, "status": "done", "identity": "other"}))
    for root in ("broken", "float", "empty", "deep", "wide", "sizes", "glass"):
        for part in ("train", "test"):
            for label in ("cat", "dog"):
                (here / root / part / label).mkdir(parents=True)
                Image.fromarray(np.zeros((4, 4), np.uint8)).save(here / root / part / label / "0.png")
    (here / "broken/train/cat/0.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    Image.fromarray(np.zeros((4, 4), np.float32)).save(here / "float/train/cat/1.tiff")
    (here / "empty/train/cat/0.png").unlink()
    (here / "deep/train/cat/images").mkdir()
    (here / "deep/train/cat/0.png").rename(here / "deep/train/cat/images/0.png")
    for file in (here / "wide").rglob("*.png"):
        Image.fromarray(np.zeros((4, 6), np.uint8)).save(file)
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(here / "sizes/train/cat/1.png")
    Image.fromarray(np.zeros((4, 4, 4), np.uint8)).save(here / "glass/train/cat/0.png")
    np.save(here / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    named = "".join(["name,y\n", *(f"n{i},{i % 2}\n" for i in range(101))])
    (here / "names.csv").write_text(named, encoding="utf-8")
    numbers, reals = np.arange(12).reshape(4, 3), np.linspace(0, 1, 4)
    np.savez(here / "one.npz", x=numbers, y=numbers[:, 0])
    labelled = {"x_train": numbers, "y_train": numbers[:, 0], "x_test": numbers, "y_test": numbers[:, 0]}
    np.savez(here / "users.npz", **labelled, groups=["ann", "bob", "ann", "bob"])
    np.savez(here / "half.npz", x_train=numbers, y_train=reals)
    np.savez(here / "deep.npz", x=np.zeros((800, 2, 2, 2)), y=np.arange(800) % 2)
    np.savez(here / "whole.npz", x_train=numbers, y_train=reals, x_test=numbers, y_test=reals)


RANGES: list[tuple[str, object]] = [
    ("attack.br", 1),
    ("attack.br", -0.1),
    ("attack.br", "many"),
    ("attack.start", -1),
    ("attack.every", 0),
    ("topology.n", 1),
    ("topology.n", 2.5),
    ("topology.cr", 0),
    ("topology.cr", 1.1),
    ("topology.redraw_every", -1),
    ("topology.drop", 1),
    ("rounds", 0),
    ("local_steps", 0),
    ("eval_every", 0),
    ("seed", -1),
    ("threads", 0),
    ("batch_size", 0),
    ("defense.alpha", 1.5),
    ("defense.patience", 0),
    ("defense.theta_step", 0),
    ("defense.theta_min", 0.2),
    ("defense.monitor", "train"),
    ("optimizer.lr", 0),
    ("optimizer.momentum", 1),
    ("optimizer.weight_decay", -1),
    ("partition.validation", 1),
    ("augment", ["crop", "crop"]),
    ("checkpoint.every", "soon"),
    ("device", "tpu"),
    ("device", "mps"),
    ("writer", "comet"),
    ("objective", "accuracy"),
]

# Each version of numpy and Pillow may say it in other words.
OF_LIBRARIES = ("Object arrays cannot be loaded when allow_pickle=False", "Truncated File Read")

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
    "half/defense/nameless.yaml": "_target_: byzdl.defenses.Ubar\n",
    "half/defense/plain.yaml": "name: plain\n",
    "half/defense/typo.yaml": "_target_: byzdl.defenses.Ubar\nname: typo\nrhoo: 1\n",
    "half/attack/malformed.yaml": "name: [\n",
    "half/experiment/swept.yaml": "# @package _global_\nhydra: {sweeper: {params: {seed: '0,1'}}}\n",
    "half/experiment/calm.yaml": "# @package _global_\nrounds: 0\n",
    "half/below/mine.yaml": "seed: 1\n",
    "half/other.yaml": "seed: 1\n",
    "half/after.yaml": "defaults: [_self_, /config]\nseed: 1\n",
    "half/single.yaml": "defaults: [/config, _self_]\nhydra: {sweeper: {params: {seed: '0,1'}}}\n",
    "half/param.yaml": "defaults: [/config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {param: {seed: '0,1'}}}\n",
    "half/list.yaml": "defaults: [/config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {params: [seed]}}\n",
    "half/none.yaml": "defaults: [/config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: []}}}\n",
    "half/cases.yaml": "defaults: [/config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {cases: {seed: 1}}}\n",
    "ending/mine.yml": "seed: 1\n",
    "endings/defense/mine.yml": "name: mine\n",
    "capital/Defense/mine.yaml": "name: mine\n",
    "run/config.yaml": "seed: 0\n",
    "run/run.json": json.dumps({"schema": 1}),
    "text/config.yaml": "seed",
    "malformed/config.yaml": "seed: [",
    "bytes/config.yaml": b"\xff\xfe\x00",
    "runs/a/run.json": "{",
    "runs/b/run.json": json.dumps({"schema": 1, "status": "done"}),
    "runs/sweep-0123456789.json": json.dumps({"schema": 3, "runs": [{"name": 1}]}),
    "latin.txt": "café".encode("latin-1"),
    "short.txt": "to be or not to be, that is the question",
    "table.csv": "age,sex,ill\n20.5,f,no\n40,m,yes\n30,f,no\n50,m,yes\n",
    "semicolons.csv": "age;sex;ill\n20;f;no\n40;m;yes\n",
    "more.csv": "age,ill\n20,no\n",
    "other.csv": "age,sex,ill\nold,f,no\n",
    "odd.csv": ",day,rate,lost,y\n0,2024-01-31,1,,0\n1,2024-02-01,inf,b,1\n",
    "file": "",
}

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "done": {},
    "session": {"attack": {"_target_": "__main__.Mine", "name": "mine", "br": 0.3, "_source_": "abc"}},
    "newer": {"sed": 1},
}


if __name__ == "__main__":
    LIST.write_text(text(), encoding="utf-8")
