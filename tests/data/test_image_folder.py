"""Folders of images: every image counts with its class, or one line says why it cannot."""

import os
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import chunk, classes, folder, png, separable, tiff
from PIL import Image

import byzdl
from byzdl.config.compose import compose
from byzdl.config.identity import run_name
from byzdl.config.types import ConfigError
from byzdl.data import ImageFolder, load

IMAGE = png(np.array([[1, 2], [3, 4]]), 8)
WHOLE = classes(IMAGE)


def said(root: Path, **keys: object) -> str:
    """The message about a folder, without the names of folders above it."""
    with pytest.raises(ConfigError) as raised:
        load(ImageFolder(root=str(root), cache=str(root / ".cache"), **keys))
    message = str(raised.value)
    assert len(message.splitlines()) == 1
    return message.replace(f"{root}/", "").replace(str(root), "ROOT")


def test_an_image_folder_is_read_as_torchvision_reads_it(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder as Reference

    rng = np.random.default_rng(0)
    for part, count in (("train", 3), ("test", 2)):
        for label in ("cat", "dog"):
            (tmp_path / part / label).mkdir(parents=True)
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)).save(
                    tmp_path / part / label / f"{i}.png"
                )
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    data = load(ImageFolder(name="mine", root=str(tmp_path), cache=str(tmp_path / "cache")))
    reference = Reference(str(tmp_path / "train"))
    assert data.train.targets.tolist() == reference.targets == [0, 0, 0, 1, 1, 1]
    for mine, (theirs, _) in zip(data.train.inputs, reference, strict=True):
        np.testing.assert_array_equal(mine, np.asarray(theirs))

    # A file that comes in is noticed: the cache is built anew.
    Image.fromarray(np.zeros((5, 5, 3), np.uint8)).save(tmp_path / "train" / "dog" / "9.png")
    assert len(load(ImageFolder(name="mine", root=str(tmp_path), cache=str(tmp_path / "cache"))).train) == 7


@pytest.mark.parametrize(("suffix", "peak", "dtype"), [("png", 65535, np.uint16), ("tif", 65535, np.uint16)])
def test_two_separable_classes_of_16_bits_are_told_apart(tmp_path, suffix, peak, dtype):
    root = separable(tmp_path / "images", suffix, peak, dtype)
    keys = {"topology": {"n": 4, "cr": 0.9}, "model": "linear", "attack": "none", "rounds": 20, "batch_size": 2}
    group = ("dataset=image_folder", f"dataset.root={root}", f"dataset.cache={tmp_path}/cache")
    assert byzdl.run(*group, progress=False, **keys).accuracy == 1.0


def test_images_of_different_sizes_need_a_size(tmp_path: Path) -> None:
    folder(tmp_path, classes(IMAGE) | {"test/dog/0.png": png(np.zeros((3, 5)), 8)})
    assert said(tmp_path) == (
        "dataset.image_size is None, but must be an integer, as sizes differ: 2x2 in train/cat/0.png and "
        "5x3 in test/dog/0.png"
    )
    scaled = load(ImageFolder(root=str(tmp_path), cache=str(tmp_path / "cache"), image_size=5))
    assert scaled.sample.shape == (3, 5, 5)


LAYOUT = "dataset.root is 'ROOT', but must be a folder with train/CLASS/* and test/CLASS/* ("
READABLE = "dataset.root is 'ROOT', but must be a folder of readable images ("

REFUSED = {
    "nothing": ({}, f"{LAYOUT}ROOT has no folder train; it holds nothing)"),
    "parts of other names": (
        {name.replace("train", "training").replace("test", "val"): IMAGE for name in WHOLE},
        f"{LAYOUT}ROOT has no folder train; it holds training/, val/)",
    ),
    "a file in its place": ({"train": IMAGE}, f"{LAYOUT}ROOT has no folder train; it holds train)"),
    "other parts": (classes(IMAGE) | {"training/cat": None}, None),
    "empty parts": ({"train": None, "test": None}, f"{LAYOUT}train has no class folder; it holds nothing)"),
    "an empty test part": (
        {name: IMAGE for name in WHOLE if name.startswith("train")} | {"test": None},
        f"{LAYOUT}test has no class folder; it holds nothing)",
    ),
    "empty classes": (
        WHOLE | {"train/emu": None, "test/emu": None},
        f"{LAYOUT}train/emu has no images; it holds nothing)",
    ),
    "hidden files alone": (
        WHOLE | {"train/emu/._0.png": b"", "test/emu/.DS_Store": b""},
        f"{LAYOUT}train/emu has no images; it holds nothing)",
    ),
    "notes alone": (WHOLE | {"train/emu/labels.csv": b""}, f"{LAYOUT}train/emu has no images; it holds labels.csv)"),
    "one level deeper": (
        {name.replace("cat/", "cat/images/"): IMAGE for name in WHOLE},
        f"{LAYOUT}train/cat holds a folder images with 2 files; all images of a class must lie in the class folder itself)",
    ),
    "some deeper": (
        WHOLE | {"test/dog/more/3.png": IMAGE},
        f"{LAYOUT}test/dog holds a folder more with 1 file; all images of a class must lie in the class folder itself)",
    ),
    "an image beside the classes": (WHOLE | {"train/0.png": IMAGE}, f"{LAYOUT}train/0.png is in no class folder)"),
    "a class in one part": (
        WHOLE | {"train/emu/0.png": IMAGE, "test/fox/0.png": IMAGE},
        f"{LAYOUT}train and test must have the same classes: train alone has emu, test alone has fox)",
    ),
    "one class": (classes(IMAGE, names=["cat"]), f"{LAYOUT}ROOT has one class, cat; there must be two or more)"),
    "an unknown suffix": (
        WHOLE | {f"train/cat/{i}.heic": b"ftypheic" for i in range(300)},
        f"{READABLE}train/cat/0.heic is in no format that can be read here, as may be 299 more .heic files beside it; convert them, for example to PNG)",
    ),
    "no suffix": (WHOLE | {"test/cat/raw": b"1"}, f"{READABLE}test/cat/raw is in no format that can be read here)"),
    "an empty file": (WHOLE | {"test/cat/9.png": b""}, f"{READABLE}test/cat/9.png is empty)"),
    "a broken image": (
        WHOLE | {"train/dog/torn.png": IMAGE[:-24]},
        f"{READABLE}train/dog/torn.png cannot be read: image file is truncated)",
    ),
    "no text for a name": (WHOLE | {"train/dog/a\nb\udcff.png": b"1"}, r"train/dog/a\nb\udcff.png is in no format"),
    "numbers without a range": (
        classes(tiff(np.ones(4, "<f4").tobytes(), (2, 2), [32], sample_format=3), "tif"),
        f"{READABLE}train/cat/0.tif holds floating-point numbers, and does not tell their range; save it with 8 or 16",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_left_out_is_refused_by_its_name(tmp_path, name):
    files, says = REFUSED[name]
    root = folder(tmp_path / "images", files)
    root.mkdir(exist_ok=True)
    if says is None:
        assert load(ImageFolder(root=str(root), cache=str(tmp_path / "cache"))).train.targets.tolist() == [0, 0, 1, 1]
    else:
        assert says in said(root)


def test_a_link_to_nothing_and_a_pipe_are_named(tmp_path):
    root = folder(tmp_path, WHOLE)
    (root / "test/cat/9.png").symlink_to("nowhere")
    assert f"{LAYOUT}test/cat/9.png is no file, or a link to none)" in said(root)
    (root / "test/cat/9.png").unlink()
    os.mkfifo(root / "train/dog/9.png")
    assert f"{LAYOUT}train/dog/9.png is no file, or a link to none)" in said(root)


def test_hidden_names_are_nobodys_classes_and_images(tmp_path):
    hidden = {
        "train/.ipynb_checkpoints/0.png": b"torn",
        "test/.ipynb_checkpoints/0.png": b"torn",
        "train/cat/.ipynb_checkpoints/0-checkpoint.png": b"torn",
        "train/cat/._0.png": b"torn",
        "train/Thumbs.db": b"torn",
        "test/dog/desktop.ini": b"torn",
        "__MACOSX/train/cat/0.png": b"torn",
        "train/__MACOSX/0.png": b"torn",
        "test/.DS_Store": b"torn",
    }
    data = load(ImageFolder(root=str(folder(tmp_path, WHOLE | hidden)), cache=str(tmp_path / ".cache")))
    assert (data.classes, data.train.targets.tolist(), data.test.targets.tolist()) == (2, [0, 0, 1, 1], [0, 0, 1, 1])


def test_transparent_pixels_ask_for_a_background(tmp_path):
    clear = png(np.array([[9, 200]]), 8, chunk(b"tRNS", bytes([0, 9])))
    root = folder(tmp_path, classes(clear))
    assert said(root) == (
        "dataset.background is None, but must be black or white, the colour to show behind transparent pixels "
        "(train/cat/0.png has transparent pixels)"
    )
    for background, level in (("black", 0), ("white", 255)):
        data = load(ImageFolder(root=str(root), cache=str(tmp_path / ".cache"), background=background))
        assert data.train.inputs[0, 0, :, 0].tolist() == [level, 200]


def test_a_root_that_is_not_there_or_no_folder_is_told_so(tmp_path):
    assert "(ROOT does not exist)" in said(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"file is no folder\)"):
        load(ImageFolder(root=str(tmp_path / "file"), cache=str(tmp_path / "cache")))


def test_a_root_that_nobody_has_is_refused():
    for root in ("~nobody-of-this-name/images", "im\0ages"):
        with pytest.raises(ConfigError, match=r"dataset\.root is .*, but must be a path"):
            load(ImageFolder(root=root))


NAMES = st.sampled_from(["cat", "dog", "Emu", "é", "e\u0301", "a b", "train", ".git", "__MACOSX", "1.5"])
FILES = st.sampled_from(
    ["0.png", "1.PNG", "2", "3.jpg", "._0.png", "notes.txt", "README", "Thumbs.db", "x.heic", "in/4.png"]
)
PART = st.dictionaries(NAMES, st.sets(FILES, max_size=4), max_size=3)


@settings(max_examples=30)
@given(train=PART, more=PART, same=st.booleans(), stray=st.sampled_from([None, "train/0.png", "test/notes.md"]))
def test_every_image_is_counted_or_one_line_names_the_reason(train, more, same, stray):
    parts = {"train": train, "test": train if same else more}
    names = {
        f"{part}/{label}/{file}" for part, found in parts.items() for label, files in found.items() for file in files
    }
    contents = {name: b"heic" if name.endswith("heic") else IMAGE for name in names}
    with TemporaryDirectory() as place:
        root = folder(
            Path(place) / "images", {f"{part}/{label}": None for part in parts for label in parts[part]} | contents
        )
        root.mkdir(exist_ok=True)
        if stray and (root / stray).parent.is_dir():
            (root / stray).write_bytes(IMAGE)
        try:
            arrays = ImageFolder(root=str(root)).decode()
        except ConfigError as error:
            message = str(error)
            assert len(message.splitlines()) == 1
            assert message.startswith(f"dataset.root is {str(root)!r}, but must be a folder")
            return
    # An account of its own: what is no image, by its name, and everything else as its class's.
    aside = ("._0.png", "notes.txt", "README", "Thumbs.db")
    for part, labels in (("train", arrays.train_targets), ("test", arrays.test_targets)):
        found = {name: [f for f in files if f not in aside] for name, files in parts[part].items()}
        found = {name: files for name, files in found.items() if name not in (".git", "__MACOSX")}
        assert min(map(len, found.values())) > 0
        assert not {"x.heic", "in/4.png"} & {file for files in found.values() for file in files}
        assert sorted(Counter(labels.tolist()).values()) == sorted(map(len, found.values()))
        assert arrays.classes == len(found) > 1
    assert stray != "train/0.png"


# Content in the identity


def named(root: Path) -> str:
    return run_name(compose("dataset=image_folder", f"dataset.root={root}"))


def test_images_that_come_in_or_are_rewritten_in_place_give_a_new_run_and_a_copy_gives_none(tmp_path):
    root = folder(tmp_path / "A", WHOLE | {"train/cat/.hidden": b"1"})
    first = named(root)
    shutil.copytree(root, tmp_path / "B")
    (tmp_path / "B" / "test" / "dog" / ".DS_Store").write_bytes(b"1")
    (tmp_path / "B" / "readme.md").write_bytes(b"1")
    assert named(tmp_path / "B") == first
    folder(root, {f"train/cat/{i}.png": IMAGE for i in range(100, 160)})
    more = named(root)
    assert more != first
    file = root / "test" / "dog" / "0.png"
    times = file.stat()
    file.write_bytes(png(np.array([[1, 2], [3, 5]]), 8))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file.stat().st_size == times.st_size
    assert named(root) not in (first, more)


def test_no_folder_has_no_checksum_and_is_refused_later():
    config = compose("dataset=image_folder", "dataset.root=nowhere")
    assert config["dataset"]["checksum"] == [None, None]


def test_an_instance_knows_the_images_that_it_was_made_for(tmp_path):
    root = folder(tmp_path, WHOLE)
    dataset = ImageFolder(root=str(root), cache=str(tmp_path / ".cache"))
    assert dataset.checksum == compose("dataset=image_folder", f"dataset.root={root}")["dataset"]["checksum"]
    load(dataset)
    (root / "train" / "cat" / "0.png").write_bytes(png(np.array([[9, 9], [9, 9]]), 8))
    with pytest.raises(
        ConfigError, match=r"dataset\.checksum is \['\w+', '\w+'\], but must be \['\w+', '\w+'\], the checks"
    ):
        load(dataset)
    again = load(ImageFolder(root=str(root), cache=str(tmp_path / ".cache")))
    assert again.train.inputs[0].unique().tolist() == [9]


def test_images_that_came_after_the_configuration_are_refused(tmp_path):
    """The run's name would not know them."""
    dataset = ImageFolder(root=str(tmp_path / "images"), cache=str(tmp_path / "cache"))
    assert dataset.checksum == [None, None]
    folder(tmp_path / "images", WHOLE)
    with pytest.raises(ConfigError, match=r"dataset\.checksum is \[None, None\], but must be \['"):
        load(dataset)


def test_images_that_change_while_they_are_read_are_not_kept(tmp_path, monkeypatch):
    root = folder(tmp_path, WHOLE)
    read = ImageFolder._read

    def slowly(self, found):
        (root / "train" / "cat" / "9.png").write_bytes(IMAGE)
        return read(self, found)

    monkeypatch.setattr(ImageFolder, "_read", slowly)
    assert "has changed while it was read" in said(root, checksum=None)
    assert not list((root / ".cache").glob("[!.]*"))


# Users

OF_USERS = {
    **{f"train/{name}": IMAGE for name in ("bob/cat/0.png", "ann/dog/1.png", "ann/cat/2.png", "ann/cat/1.png", "É/dog/0.png")},
    **{f"test/{name}/0.png": IMAGE for name in ("cat", "dog")},
}  # fmt: skip


def test_training_images_may_lie_in_folders_of_users(tmp_path):
    root = folder(tmp_path / "images", {**OF_USERS, "train/.hidden/cat/0.png": IMAGE, "train/notes.txt": b""})
    data = load(ImageFolder(root=str(root), users=True, cache=str(tmp_path / ".cache")))
    # Cats of ann (two) and bob, dogs of ann and É.
    assert data.train.targets.tolist() == [0, 0, 0, 1, 1]
    assert data.groups.tolist() == [0, 0, 1, 0, 2]
    assert data.test.targets.tolist() == [0, 1]
    assert load(ImageFolder(root=str(folder(tmp_path, WHOLE)), cache=str(tmp_path / ".cache"))).groups is None


def test_users_are_no_classes(tmp_path):
    assert "train/ann holds a folder cat with 2 files; all images of a class must lie" in said(
        folder(tmp_path, OF_USERS)
    )
    wanted = LAYOUT.replace("train/", "train/USER/")
    assert said(folder(tmp_path / "a", WHOLE), users=True).startswith(f"{wanted}train/cat/0.png is in no class folder)")
    stray = folder(tmp_path / "b", {**OF_USERS, "train/0.png": IMAGE})
    assert said(stray, users=True).startswith(f"{wanted}train/0.png is in no user folder)")
    alone = folder(tmp_path / "c", {**OF_USERS, "train/bob/emu/0.png": IMAGE})
    assert "train and test must have the same classes: train alone has emu)" in said(alone, users=True)


def test_users_are_a_part_of_the_identity_only_where_they_are_read():
    config = compose("dataset=image_folder")
    older = {**config, "dataset": {key: value for key, value in config["dataset"].items() if key != "users"}}
    assert run_name(config) == run_name(older)
    assert run_name(compose("dataset=image_folder", "dataset.users=true")) != run_name(config)
