"""Every choice keeps to every contract of its kind. New ones are found in `conf/` and need not be listed here."""

from pathlib import Path

import numpy as np
import pytest
from helpers import CONF, choices, chosen
from PIL import Image

from byzdl.config.keys import GROUPS
from byzdl.data import ImageFolder
from byzdl.data.own_file import OwnFile
from byzdl.data.vision import FromTorchvision
from byzdl.testing import CONTRACTS

CHOICES = [(group, name) for group in GROUPS for name in choices(group)]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A folder of images as `dataset=image_folder` reads it."""
    root = tmp_path_factory.mktemp("photographs")
    for part, count in (("train", 3), ("test", 2)):
        for label in ("cat", "dog"):
            (root / part / label).mkdir(parents=True)
            for i in range(count):
                image = np.random.default_rng(i).integers(0, 256, (5, 5, 3), dtype=np.uint8)
                Image.fromarray(image).save(root / part / label / f"{i}.png")
    return str(root)


@pytest.fixture(scope="module")
def files_of_ones_own(tmp_path_factory):
    """The keys of each choice that reads a file."""
    folder = tmp_path_factory.mktemp("files")
    arrays, table, text = folder / "my.npz", folder / "my.csv", folder / "my.txt"
    numbers = np.random.default_rng(0)
    np.savez(arrays, x=numbers.random((20, 3)), y=numbers.permutation(20) % 2)
    table.write_text("".join(["age,sex,ill\n", *(f"{i},{'fm'[i % 3 % 2]},{i % 2}\n" for i in range(20))]))
    text.write_text("ANN:\nto be\nBOB:\nor not to be\n" * 10, encoding="utf-8")
    return {
        "arrays": {"path": str(arrays), "test_share": 0.3},
        "table": {"path": str(table), "test_share": 0.3, "target": "ill"},
        "text_file": {"path": str(text), "length": 5, "speaker": "^([A-Z]+):$"},
    }


@pytest.fixture(scope="module")
def saved_data(tmp_path_factory):
    """The keys of `dataset=huggingface`, for a folder that its library wrote."""
    datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
    folder = str(tmp_path_factory.mktemp("saved"))
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict({"text": ["good day", "bad day"] * 5, "label": [1, 0] * 5}).save_to_disk(folder)
    return {"path": folder, "text": "text", "test": None, "test_share": 0.3}


@pytest.fixture
def component(group, name, photographs, files_of_ones_own, request, monkeypatch):
    made = chosen(group, name, **({"n": 12} if group == "topology" else {}))
    if isinstance(made, ImageFolder):
        return made.model_copy(update={"root": photographs, "checksum": None})
    if isinstance(made, OwnFile):
        own = request.getfixturevalue("saved_data") if name == "huggingface" else files_of_ones_own[name]
        return type(made)(**{**made.model_dump(exclude=set(made.seals.values())), **own})
    if isinstance(made, FromTorchvision):
        monkeypatch.setattr(FromTorchvision, "_download", lambda *_: pytest.skip("would be downloaded"))
        return made.model_copy(update={"root": photographs})
    return made


@pytest.mark.parametrize(
    ("group", "name", "contract"),
    [
        pytest.param(group, name, contract, id=f"{group}-{name}-{contract.name}")
        for group, name in CHOICES
        for contract in CONTRACTS[group]
    ],
)
def test_contract(group, name, contract, component):
    broken = contract.broken_by(component)
    assert broken is None, broken


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_a_choice_is_called_what_its_file_is(group, name):
    if group == "attack":
        assert name.startswith(chosen(group, name).name.split()[0])  # a variant may say more: alie z=1.5
    else:
        assert chosen(group, name).name == name


@pytest.mark.parametrize("name", choices("attack"))
def test_an_attacks_yaml_says_what_it_knows(name):
    text = Path(CONF / "attack" / f"{name}.yaml").read_text(encoding="utf-8")
    assert "# Knows:" in text
