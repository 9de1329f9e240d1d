"""The images of a folder with one folder a class, and nothing else left unsaid."""

import unicodedata
from pathlib import Path

from byzdl.data.naming import listed
from byzdl.data.pixels import UnfitError, shown
from byzdl.files import is_hidden

PARTS = ("train", "test")

# Files that people keep beside images, and that hold none.
NOTES = {".csv", ".html", ".json", ".log", ".md", ".py", ".tsv", ".txt", ".xml", ".yaml", ".yml"}
NOTES_WITHOUT_SUFFIX = {"license", "readme"}

Classes = dict[str, list[Path]]


def classes_of(root: Path, users: bool = False) -> dict[str, Classes]:
    """Finds the images of each class, by part (train, test) and class, both in alphabetical order.

    - `users`: whether `train` holds a folder for each user, with the folders of classes within (see `user_of`)

    Hidden names, and notes such as `.txt` and `.csv`, are left out. Any other file counts as an image.

    **Raises:** `UnfitError` if the folder holds anything else, a class has no images, or the parts differ in classes.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as root:
    ...     for name in ("train/cat/1.png", "train/dog/2.png", "test/cat/3.png", "test/dog/4.png", "test/.DS_Store"):
    ...         (Path(root) / name).parent.mkdir(parents=True, exist_ok=True)
    ...         (Path(root) / name).touch()
    ...     found = classes_of(Path(root))
    >>> {part: {name: [file.name for file in files] for name, files in classes.items()} for part, classes in found.items()}
    {'train': {'cat': ['1.png'], 'dog': ['2.png']}, 'test': {'cat': ['3.png'], 'dog': ['4.png']}}
    """
    try:
        for part in PARTS:
            _check_part(root, part)
        found = {
            "train": _of_users(root / "train") if users else _classes(root / "train"),
            "test": _classes(root / "test"),
        }
    except OSError as error:
        raise UnfitError(f"{shown(Path(error.filename or root))} cannot be read: {error.strerror or error}") from error
    train, test = (list(found[part]) for part in PARTS)
    if train != test:
        apart = [
            f"{part} alone has {listed([shown(Path(name)) for name in own if name not in other])}"
            for part, own, other in (("train", train, test), ("test", test, train))
            if set(own) - set(other)
        ]
        raise UnfitError(f"train and test must have the same classes: {', '.join(apart)}")
    if len(train) < 2:
        raise UnfitError(f"{shown(root.resolve())} has one class, {shown(Path(train[0]))}; there must be two or more")
    return found


def user_of(image: Path) -> str:
    """Returns the user of a training image: the name of the folder above that of its class.

    >>> user_of(Path("root/train/ann/cat/1.png"))
    'ann'
    """
    return _normal(image.parent.parent.name)


def _of_users(folder: Path) -> Classes:
    """The images of each class, those of all users one after another."""
    found: Classes = {}
    for user in _folders(folder, "user"):
        for name, images in _classes(user).items():
            found.setdefault(name, []).extend(images)
    return dict(sorted(found.items()))


def _check_part(root: Path, part: str) -> None:
    if not root.exists() or root.is_file():
        raise UnfitError(f"{shown(root.resolve())} {'is no folder' if root.exists() else 'does not exist'}")
    if not (root / part).is_dir():
        raise UnfitError(f"{shown(root.resolve())} has no folder {part}; it {_holding(root)}")


def _classes(folder: Path) -> Classes:
    return {_normal(entry.name): _images(entry) for entry in _folders(folder, "class")}


def _folders(folder: Path, of_a: str) -> list[Path]:
    """The folders of classes or users within a folder, which holds nothing else."""
    entries = [entry for entry in _visible(folder) if not _is_note(entry)]
    if strays := [entry for entry in entries if not entry.is_dir()]:
        raise UnfitError(f"{shown(strays[0])} is in no {of_a} folder")
    if not entries:
        raise UnfitError(f"{shown(folder.resolve())} has no {of_a} folder; it {_holding(folder)}")
    if len({_normal(entry.name) for entry in entries}) < len(entries):
        raise UnfitError(f"{shown(folder)} has two {of_a} folders of one name, with letters composed in two ways")
    return entries


def _images(folder: Path) -> list[Path]:
    images = []
    for entry in _visible(folder):
        if entry.is_dir():
            if count := _count(entry):
                deeper = (
                    f"{shown(folder)} holds a folder {shown(Path(entry.name))} with {count} file{'s' * (count > 1)}"
                )
                raise UnfitError(f"{deeper}; all images of a class must lie in the class folder itself")
        elif not entry.is_file():
            raise UnfitError(f"{shown(entry)} is no file, or a link to none")
        elif not _is_note(entry):
            images.append(entry)
    if not images:
        raise UnfitError(f"{shown(folder)} has no images; it {_holding(folder)}")
    return images


def _visible(folder: Path) -> list[Path]:
    return sorted((entry for entry in folder.iterdir() if not is_hidden(entry.name)), key=lambda e: _normal(e.name))


def _is_note(entry: Path) -> bool:
    return (entry.suffix.lower() in NOTES or entry.name.lower() in NOTES_WITHOUT_SUFFIX) and not entry.is_dir()


def _count(folder: Path) -> int:
    return sum(_count(entry) if entry.is_dir() and not entry.is_symlink() else 1 for entry in _visible(folder))


def _holding(folder: Path) -> str:
    """What a folder holds, to follow "it"; a slash ends the names of folders."""
    names = [shown(Path(entry.name)) + "/" * entry.is_dir() for entry in _visible(folder)]
    return f"holds {listed(names) or 'nothing'}"


def _normal(name: str) -> str:
    """A name that is the same on systems that write é as one letter or as two."""
    return unicodedata.normalize("NFC", name)
