"""`python examples/data.py`: makes the data of the studies in this folder, without a download."""

import argparse
import re
from pathlib import Path

import numpy as np
from sklearn import datasets

CLASSES = ("sine", "square", "triangle", "sawtooth")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "data", help="the folder of the data")
    folder = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    tumours(folder / "tumours.csv")
    waves(folder / "waves.npz")
    descriptions(folder / "descriptions.txt")


def tumours(file: Path) -> None:
    """Writes a table with named columns, whose classes are the texts malignant and benign."""
    found = datasets.load_breast_cancer(as_frame=True)
    table = found.data.assign(diagnosis=found.target_names[found.target])
    table.to_csv(file, index=False)


def waves(file: Path, length: int = 32, train: int = 600, test: int = 400) -> None:
    """Writes noisy series [N, length] of four shapes of any pitch and phase, with the names of the shapes."""
    rng = np.random.default_rng(0)
    count = train + test
    shapes = rng.integers(len(CLASSES), size=count)
    periods = rng.uniform(2, 4, (count, 1))
    phase = (periods * np.arange(length) / length + rng.random((count, 1))) % 1
    forms = np.stack(
        [np.sin(2 * np.pi * phase), np.sign(0.5 - phase), 4 * np.abs(phase - 0.5) - 1, 2 * phase - 1]
    )  # [4, N, length]
    series = forms[shapes, np.arange(count)] + rng.normal(0, 0.4, (count, length))
    names = np.array(CLASSES)[shapes]
    np.savez(
        file,
        x_train=series[:train].astype(np.float32),
        y_train=names[:train],
        x_test=series[train:].astype(np.float32),
        y_test=names[train:],
    )


def descriptions(file: Path, test_share: float = 0.1) -> None:
    """Writes the words of scikit-learn's descriptions of its data sets, each behind a line with its name.

    The end of each description stands at the end of the file, so that the test part has something of all of them.
    """
    documents = sorted((Path(datasets.__file__).parent / "descr").glob("*.rst"))
    beginnings, ends = [], []
    for document in documents:
        text = " ".join(re.findall("[a-z]+", document.read_text(encoding="utf-8").lower()))
        cut = len(text) - round(test_share * len(text))
        beginnings.append(f"== {document.stem}\n{text[:cut]}\n")
        ends.append(text[cut:])
    file.write_text("".join([*beginnings, *ends]), encoding="utf-8")


if __name__ == "__main__":
    main()
