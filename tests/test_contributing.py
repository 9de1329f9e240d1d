"""To contribute is one file and one YAML: in a copy of the repository, six new choices are tested and run without a third edit."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT, rows, run_folders

README = (ROOT / "README.md").read_text(encoding="utf-8")
# Not copied: what no choice has to do with.
LEFT_OUT = re.compile(r"outputs/|benchmarks/|docs/.*\.(png|svg|pdf|csv|html|ipynb)$|tests/(peers|golden)/")

# This file; and one that composes every choice there is before its first test, which takes longer than all others together.
NOT_ASKED = {Path(__file__).name, "test_links.py"}


def snippet(language: str, begins: str) -> str:
    """The README's block of code that has such a line."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if re.search(rf"^{begins}", block, re.MULTILINE)]
    return found


CLIP = snippet("python", r"class Clip\(Defense\)")
CLIP_YAML = snippet("yaml", r"_target_: clip\.Clip").replace("clip.Clip", "byzdl.defenses.clip.Clip")

FILES = {
    "byzdl/defenses/clip.py": CLIP,
    "conf/defense/clip.yaml": CLIP_YAML,
    "byzdl/attacks/mirror.py": '''
"""What is opposite to the benign models."""

from byzdl.attacks import Attack, AttackView, Messages
from byzdl.config.types import Positive


class Mirror(Attack):
    """Sends the benign mean, mirrored at the origin and stretched.

    - `stretch`: its length over that of the benign mean

    **Knows** all benign models.
    """

    stretch: Positive = 1.0

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.same(-self.stretch * view.benign.mean(0), view)
''',
    "conf/attack/mirror.yaml": """
# Minus the benign mean.
# Knows: all benign models.
defaults: [/base/attack@_here_]
_target_: byzdl.attacks.mirror.Mirror
name: mirror
stretch: 1.0 # its length over that of the benign mean
""",
    "byzdl/data/stripes.py": '''
"""Striped images."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from byzdl.data.dataset import Arrays, Dataset


class Stripes(Dataset):
    """Upright and level stripes of random brightness: two classes."""

    @property
    def train_size(self) -> int:
        return 400

    def signature(self) -> Mapping[str, Any]:
        return {}

    def decode(self) -> Arrays:
        labels = np.arange(500) % 2
        images = np.zeros((500, 8, 8, 1), dtype=np.uint8)
        images[labels == 0, ::2] = 200
        images[labels == 1, :, ::2] = 200
        images += np.random.default_rng(0).integers(0, 56, images.shape, dtype=np.uint8)
        return Arrays(images[:400], labels[:400], images[400:], labels[400:], classes=2)
''',
    "conf/dataset/stripes.yaml": """
# Upright and level stripes.
defaults: [/base/dataset@_here_]
_target_: byzdl.data.stripes.Stripes
name: stripes
""",
    "byzdl/topology/wheel.py": '''
"""A wheel."""

import networkx as nx
import numpy as np

from byzdl.topology.base import Topology, shuffled


class Wheel(Topology):
    """A ring with a hub that is everybody's neighbour; places are drawn."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.wheel_graph(self.n), rng)
''',
    "conf/topology/wheel.yaml": """
# A ring with a hub; places are drawn.
defaults: [/base/topology@_here_]
_target_: byzdl.topology.wheel.Wheel
name: wheel
""",
    "byzdl/data/halving.py": '''
"""A split in which each node has about half as much as the one before it."""

import numpy as np

from byzdl.config.types import Share
from byzdl.data.partition import Index, Partition


class Halving(Partition):
    """Each node has a share of the samples of the one before it; which samples is drawn.

    - `share`: that share
    """

    share: Share = 0.9

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        sizes = self.share ** np.arange(n)
        cuts = np.round(np.cumsum(sizes / sizes.sum())[:-1] * len(labels)).astype(int)
        return np.split(rng.permutation(len(labels)), cuts)
''',
    "conf/partition/halving.yaml": """
# Each node has less than the one before it.
defaults: [/base/partition@_here_]
_target_: byzdl.data.halving.Halving
name: halving
share: 0.9 # of the samples of the node before it, in [0, 1]
""",
    "byzdl/models/bottleneck.py": '''
"""A narrow network."""

from torch import nn

from byzdl.config.types import Count
from byzdl.models.base import Model
from byzdl.samples import Sample


class Bottleneck(Model):
    """Two linear layers with few units between them.

    - `units`: how many
    """

    units: Count = 3

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(sample.size, self.units), nn.Linear(self.units, outputs))
''',
    "conf/model/bottleneck.yaml": """
# Two linear layers with few units between them.
_target_: byzdl.models.bottleneck.Bottleneck
name: bottleneck
units: 3 # between the layers
""",
}

GROUP_OF = {"clip": "defense", "mirror": "attack", "stripes": "dataset", "wheel": "topology", "halving": "partition"}
GROUP_OF["bottleneck"] = "model"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with six more choices."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("is no checkout")
    folder = tmp_path_factory.mktemp("copy")
    for name in filter(None, done.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if LEFT_OUT.match(name) or not (source.exists() or source.is_symlink()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)
    for name, text in FILES.items():
        assert not (folder / name).exists()
        (folder / name).write_text(text.lstrip(), encoding="utf-8")
    return folder


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, whose package comes before the one that is installed."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_the_copy_is_what_is_tested(copy):
    done = python(copy, "-c", "import byzdl; print(byzdl.__file__)")
    assert done.stdout.strip() == str(copy / "byzdl" / "__init__.py")


def test_all_tests_that_find_choices_by_themselves_pass_on_the_new_ones(copy):
    finders = [
        str(file.relative_to(copy))
        for file in sorted(copy.glob("tests/**/test_*.py"))
        if "choices(" in file.read_text(encoding="utf-8") and file.name not in NOT_ASKED
    ]
    assert "tests/test_contracts.py" in finders
    names = f"({' or '.join(GROUP_OF)} or covers_every_choice) and not clipped and not pre-clip"
    done = python(copy, "-m", "pytest", "-q", "-rA", "--assert=plain", "-p", "no:cacheprovider", "-k", names, *finders)
    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.findall(r"^PASSED .*::test_contract\[(\w+)-(\w+)-", done.stdout, re.MULTILINE)
    assert {(group, name) for name, group in GROUP_OF.items()} <= set(passed)
    skipped = re.findall(r"^SKIPPED .*", done.stdout, re.MULTILINE)
    assert all(re.search(r"needs (a GPU|the extra docs)$", line) for line in skipped), skipped


def test_the_new_choices_run_in_a_sweep_beside_others(copy):
    done = python(
        copy,
        *("train.py", "-m", "defense=clip,median", "attack=mirror", "dataset=stripes", "topology=wheel"),
        *("partition=halving", "model=bottleneck", "topology.n=6", "rounds=4", "eval_every=2", "batch_size=8"),
        "hydra.launcher.jobs=1",
    )
    assert done.returncode == 0, done.stderr
    folders = run_folders(copy / "outputs")
    assert len(folders) == 2
    assert all("mirror" in folder.name for folder in folders)
    assert all([row["round"] for row in rows(folder / "rounds.csv")] == ["0", "2", "4"] for folder in folders)
