"""Which files of a tree are samples, of which class, in which split: one folder a class, split or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tatami.data import pictures, wave
from tatami.data.dataset import SPLIT_NAMES, SPLITS, Problem
from tatami.data.tree import File, Tree
from tatami.errors import DataError

Media = Literal["picture", "sound"]

LAYOUT = "one folder a class, perhaps in train/, val/ and test/, with pictures or WAV files"


@dataclass(frozen=True)
class Sample:
    """A file, and the index of its class."""

    file: File
    label: int


@dataclass(frozen=True)
class ClassFolders:
    """What lies where.

    Attributes:
        media: what the samples are.
        splits: samples by ``train``, ``validation`` and ``test``, as far as there are any; sorted by class and path.
        classes: names of the folders, sorted.
        problems: files that are left out, and folders that are taken for one class.
    """

    media: Media
    splits: Mapping[str, tuple[Sample, ...]]
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]


def media_of(file: File) -> Media | None:
    """What a file holds, by its name; None for anything else."""
    return "picture" if file.suffix in pictures.SUFFIXES else "sound" if file.suffix in wave.SUFFIXES else None


def class_folders(tree: Tree) -> ClassFolders:
    """Find classes and splits in a tree.

    Classes are the folders at the top, or those in ``train/`` and its like. Folders within a class belong to it. A
    single folder at the top that holds all others is looked through. Folders that differ in letter case only are one
    class, under the first of their names.

    Raises:
        DataError: no such folders, a class without a file, two folders for one split, pictures beside sounds.
    """
    root = _root(tree)
    roots = _split_roots(tree, root)
    media = _media(tree, roots)
    found = {split: _by_class(tree, folder) for split, folder in roots.items()}
    spelling, problems = _spellings(found)
    problems += [problem for folder in roots.values() for problem in _left_out(tree, folder, media)]
    for name in found["train"]:
        alike = [other for other in found["train"] if spelling[other] == spelling[name]]
        if not any(media_of(file) for other in alike for file in found["train"][other]):
            raise DataError(
                f"a class without a {media}",
                where=f"{tree.where}/{roots['train']}{name}",
                expected=f"at least one {media} in each class folder",
                hint="remove the folder, or fill it",
            )
    classes = tuple(sorted(set(spelling.values())))
    index = {name: classes.index(known) for name, known in spelling.items()}
    splits = {}
    for split, by_class in found.items():
        samples = [Sample(file, index[name]) for name, files in by_class.items() for file in files if media_of(file)]
        if samples:
            splits[split] = tuple(sorted(samples, key=lambda sample: (sample.label, sample.file.path)))
    return ClassFolders(media, splits, classes, tuple(problems))


def _root(tree: Tree) -> str:
    """The folder, ``""`` or ``a/``, in which the tree begins to branch."""
    root = ""
    while True:
        tops = _inner(tree, root)
        if len(tops) != 1 or tops[0].casefold() in SPLIT_NAMES or _directly(tree, root):
            return root
        if not _inner(tree, f"{root}{tops[0]}/"):
            return root
        root += f"{tops[0]}/"


def _split_roots(tree: Tree, root: str) -> dict[str, str]:
    """The folder of each split, training first; without such folders the root is that of the training split."""
    tops = _inner(tree, root)
    spelled = [top for top in tops if top.casefold() in SPLIT_NAMES]
    divided = [top for top in spelled if _inner(tree, f"{root}{top}/") and not _directly(tree, f"{root}{top}/")]
    named = {SPLIT_NAMES[top.casefold()] for top in divided}
    if "train" not in named:
        if divided and spelled == tops:
            raise DataError(
                "no folder of training samples",
                where=tree.where,
                got=", ".join(f"{top}/" for top in tops),
                expected="train/ beside them",
            )
        return {"train": root}
    others = [top for top in tops if top not in spelled and _has_media(tree, f"{root}{top}/")]
    if others:
        raise DataError(
            "folders beside train/ that are no split",
            where=tree.where,
            got=", ".join(f"{other}/" for other in others[:5]),
            expected="train/, and perhaps val/ (or valid/, validation/) and test/",
        )
    roots: dict[str, str] = {}
    for split in SPLITS:
        folders = [top for top in spelled if SPLIT_NAMES[top.casefold()] == split]
        if len(folders) > 1:
            raise DataError(
                f"two folders for the {split} split",
                where=tree.where,
                got=" and ".join(f"{folder}/" for folder in folders),
                expected="one of them",
            )
        if folders:
            roots[split] = f"{root}{folders[0]}/"
    return roots


def _media(tree: Tree, roots: Mapping[str, str]) -> Media:
    """Whether the samples in class folders are pictures or sounds."""
    first: dict[Media, File] = {}
    loose = None
    for file in tree.files:
        media = media_of(file)
        if media is None:
            continue
        if any(_is_in_class(file, folder) for folder in roots.values()):
            first.setdefault(media, file)
        else:
            loose = loose or file
    if len(first) == 1:
        return next(iter(first))
    if len(first) > 1:
        raise DataError(
            "pictures and sounds in one data set",
            where=tree.where,
            got=" and ".join(file.path for file in first.values()),
            expected="one kind of samples",
            hint="move one of them to a folder of its own",
        )
    raise DataError(
        "no class folders with samples in here" if loose else "no data set in here",
        where=tree.where,
        got=f"{loose.path}, in no class folder" if loose else _suffixes(tree),
        expected=LAYOUT,
    )


def _suffixes(tree: Tree) -> str:
    if not tree.files:
        return "no files"
    suffixes = sorted({file.suffix or "no ending" for file in tree.files})
    return f"{len(tree.files)} file(s): {', '.join(suffixes[:5])}{', ...' if len(suffixes) > 5 else ''}"


def _by_class(tree: Tree, root: str) -> dict[str, list[File]]:
    """The files in each class folder of a root, empty folders included."""
    by_class: dict[str, list[File]] = {name: [] for name in _inner(tree, root)}
    for file in tree.files:
        if _is_in_class(file, root):
            by_class[file.path[len(root) :].split("/")[0]].append(file)
    return by_class


def _spellings(found: Mapping[str, Mapping[str, object]]) -> tuple[dict[str, str], list[Problem]]:
    """The name of the class that each folder means, and a problem for each class of several names."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for by_class in found.values():
        for name in sorted(by_class):
            if name not in alike[name.casefold()]:
                alike[name.casefold()].append(name)
    problems = [
        Problem(", ".join(names), "class folders that differ in letter case only", f"taken for one class, {names[0]}")
        for names in alike.values()
        if len(names) > 1
    ]
    return {name: names[0] for names in alike.values() for name in names}, problems


def _left_out(tree: Tree, root: str, media: Media) -> list[Problem]:
    """A problem for each kind of unknown file in each class folder, and one for samples in none."""
    unknown: defaultdict[tuple[str, str], list[File]] = defaultdict(list)
    loose = 0
    for file in tree.files:
        if _is_in_class(file, root):
            if media_of(file) is None:
                unknown[file.path[len(root) :].split("/")[0], file.suffix].append(file)
        elif file.path.startswith(root) and media_of(file) == media:
            loose += 1
    problems = []
    for (folder, suffix), files in unknown.items():
        more = f", nor are {len(files) - 1} more *{suffix} in {folder}" if len(files) > 1 else ""
        problems.append(Problem(files[0].path, f"by its name no {media}{more}"))
    if loose:
        problems.append(Problem(root or ".", f"{loose} {media}{'s' if loose > 1 else ''} in no class folder"))
    return problems


def _inner(tree: Tree, root: str) -> list[str]:
    """The names of the folders directly in ``root``."""
    return [name[len(root) :] for name in tree.folders if name.startswith(root) and "/" not in name[len(root) :]]


def _directly(tree: Tree, root: str) -> bool:
    """Whether a sample lies directly in ``root``."""
    return any(f.path.startswith(root) and "/" not in f.path[len(root) :] and media_of(f) for f in tree.files)


def _has_media(tree: Tree, root: str) -> bool:
    return any(file.path.startswith(root) and media_of(file) for file in tree.files)


def _is_in_class(file: File, root: str) -> bool:
    return file.path.startswith(root) and "/" in file.path[len(root) :]
