"""The split as a picture."""

from pathlib import Path

import numpy as np
import pytest
from command_line import byzdl_here
from helpers import choices

from byzdl.commands.split import BENIGN, BYZANTINE, Picture, main
from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.data import divide, load
from byzdl.simulation.settings import Settings, parse

TINY = ["dataset=synthetic", "dataset.train_count=200", "dataset.classes=4", "topology.n=6", "topology.cr=0.8"]
TINY += ["batch_size=4", "attack.br=0.34"]


def settings(folder: Path, *overrides: str) -> Settings:
    return parse(compose(*TINY, f"dataset.cache={folder}", *overrides))


@pytest.mark.parametrize("partition", choices("partition"))
def test_what_is_drawn_is_what_is_trained_on(partition: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", x=np.zeros((250, 2)), y=np.arange(250) % 4, groups=np.arange(250) % 9)
    data = ["dataset=arrays", f"dataset.path={tmp_path / 'my.npz'}", "dataset.test_share=0.2"]
    tiny = settings(tmp_path, f"partition={partition}", "partition.validation=0.1")
    of_users = parse(
        compose(*data, *TINY[3:], f"dataset.cache={tmp_path}", "partition=natural", "partition.validation=0.1")
    )
    chosen = of_users if partition == "natural" else tiny
    picture = Picture.of(chosen)
    read = load(chosen.dataset)
    labels = read.train.targets.numpy()
    holdings = divide(chosen.partition, read.groups if partition == "natural" else labels, 6, 4, seed=0)
    for node, holding in enumerate(holdings):
        own = [*labels[holding.train], *labels[holding.validation]]
        assert picture.counts[node].tolist() == [own.count(label) for label in range(4)]
    assert picture.counts.sum() == 200
    assert len(picture.byzantine) == 2
    if partition == "natural":  # Each of the nine users is at one node.
        assert sum(picture.users) == 9
    assert len(picture.angles) == (6 if partition == "rotation" else 0)

    # And the figure holds these numbers: bars by node, circles whose areas are as the counts.
    above, below = picture.draw().axes
    assert [bar.get_height() for bar in above.patches] == picture.counts.sum(1).tolist()
    (circles,) = below.collections
    assert np.asarray(circles.get_offsets()).tolist() == [[i, k] for i in range(6) for k in range(4)]
    areas = circles.get_sizes()
    np.testing.assert_allclose(areas / areas.max(), picture.counts.ravel() / picture.counts.max())
    marked = [tick.get_color() == BYZANTINE for tick in below.get_xticklabels()]
    assert marked == [i in picture.byzantine for i in range(6)]
    assert BENIGN != BYZANTINE


def test_a_node_for_each_user_is_told_with_its_samples_and_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = np.repeat([0, 1, 2, 3], [10, 20, 30, 40])
    np.savez(
        tmp_path / "my.npz", x_train=np.zeros((100, 2)), y_train=users % 2, x_test=[[0, 0]], y_test=[1], groups=users
    )
    data = ["dataset=arrays", f"dataset.path={tmp_path / 'my.npz'}", f"dataset.cache={tmp_path}", "attack.br=0"]
    file = tmp_path / "split.svg"
    main([*data, "partition=natural", "topology=complete", "topology.n=null", "batch_size=4", "--out", str(file)])
    titles, *nodes, _ = capsys.readouterr().out.splitlines()
    assert titles.split() == ["node", "samples", "classes", "users"]
    assert sorted(tuple(line.split()[1:]) for line in nodes) == [
        (count, "1", "1") for count in ("10", "20", "30", "40")
    ]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_picture_is_written(ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / f"split.{ending}"
    arguments = [*TINY, "partition=rotation", f"dataset.cache={tmp_path}", "--out", str(file)]
    main(arguments)
    first = file.read_bytes()
    assert first[:4] in (b"\x89PNG", b"<?xm")
    titles, *nodes, last = capsys.readouterr().out.splitlines()
    assert last == str(file)
    assert titles.split() == ["node", "samples", "classes"]
    # 200 samples at random over six nodes, of which two are Byzantine.
    assert [line.split()[0] for line in nodes] == [str(node) for node in range(6)]
    assert sorted(int(line.split()[1]) for line in nodes) == [33, 33, 33, 33, 34, 34]
    assert sum("Byzantine" in line for line in nodes) == 2
    main(arguments)
    assert file.read_bytes() == first


def test_a_picture_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"--out is 'split\.bmp', but must be a file that ends in \.png, \.svg, \.pdf"
    ):
        main([*TINY, "--out", "split.bmp"])
    with pytest.raises(ConfigError, match=r"partition\.gamma is 2, but must be a number in \[0, 1\]"):
        main([*TINY, "partition=similarity", "partition.gamma=2"])
    with pytest.raises(ConfigError, match="partition is 'nosuch', but must be one of"):
        main(["partition=nosuch"])
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"--out is .*, but must be a file that can be written"):
        main([*TINY, f"dataset.cache={tmp_path}", "--out", str(tmp_path / "file" / "split.png")])


def test_the_command_answers_wrong_input_with_one_line(tmp_path: Path) -> None:
    result = byzdl_here("split", "partition=similarty", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "byzdl: partition is 'similarty', but must be one of dirichlet, iid, labels_per_node,"
    )
    assert "did you mean similarity?" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_choices_of_ones_own_are_found(tmp_path: Path) -> None:
    own = tmp_path / "it's my conf"
    (own / "partition").mkdir(parents=True)
    (own / "partition" / "mine.yaml").write_text(
        "_target_: byzdl.data.Dirichlet\nname: dirichlet\nalpha: 0.7\nvalidation: 0.0\n"
    )
    file = tmp_path / "split.svg"
    arguments = [*TINY, "partition=mine", f"dataset.cache={tmp_path}", "--out", str(file)]
    with pytest.raises(ConfigError, match="partition is 'mine'"):
        main(arguments)
    main([*arguments, "-cd", str(own)])
    assert file.read_bytes()[:4] == b"<?xm"
