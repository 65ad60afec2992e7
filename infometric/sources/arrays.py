"""Files that hold arrays: ``.npy``, and ``.npz``, of which one array is named ``file.npz:name``."""

from __future__ import annotations

import difflib
import os
import re
import zipfile
from typing import Any

import numpy as np

from infometric.exceptions import SourceError
from infometric.sources.paths import refuse_no_file
from infometric.typing import Array

ARRAYS = (".npy", ".npz")
_MEMBER = re.compile(r"(.+?\.npz):(.+)", re.IGNORECASE | re.DOTALL)
_MAGIC = {".npy": b"\x93NUMPY", ".npz": b"PK"}
_WRITE = "np.save(path, np.asarray(x, dtype=np.float32))"


def is_array_file(data: Any) -> bool:
    """Whether data are a path that names an array."""
    return isinstance(data, str | os.PathLike) and parted(data)[0].lower().endswith(ARRAYS)


def parted(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Path of a file, and the name of the array in it; empty where none is named.

    Examples
    --------
    >>> parted("layers.npz:conv1")
    ('layers.npz', 'conv1')
    >>> parted("layers.npz")
    ('layers.npz', '')
    """
    text = os.fspath(path)
    found = _MEMBER.fullmatch(text)
    return (found[1], found[2]) if found else (text, "")


def open_array(path: str | os.PathLike[str]) -> Array:
    """Array of a file; ``.npy`` is mapped, not read, until its rows are asked for.

    Of a file ``.npz`` with several arrays, ``file.npz:name`` is one.

    Raises
    ------
    SourceError
        Where the file is absent, no array, holds several of which none is named, or holds objects
        that would have to be unpickled.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "activations.npy"
    >>> np.save(path, np.eye(3))
    >>> open_array(path).shape
    (3, 3)
    """
    name, member = parted(path)
    refuse_no_file(name, "npy")
    try:
        _refuse_other_bytes(name)
        found = np.load(name, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return np.asarray(found[_member(name, found.files, member)])
    except SourceError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise SourceError(
            f"{name} cannot be read as an array of numbers: {_wrong_with(error)}.",
            got=f"{os.path.getsize(name):,} bytes",
            hint=_WRITE,
        ) from error


def _refuse_other_bytes(name: str) -> None:
    """Error where a file does not begin as its name says, or where there are several."""
    if not os.path.isfile(name):
        raise SourceError(
            f"{name} is a pattern, and an array is one file.",
            got=name,
            hint="np.concatenate([np.load(path) for path in paths])",
        )
    with open(name, "rb") as file:
        start = file.read(6)
    suffix = os.path.splitext(name)[1].lower()
    if not start.startswith(_MAGIC[suffix]):
        raise SourceError(
            f"{name} holds no array: it does not begin as a {suffix} file does.",
            got=start,
            hint=_WRITE if suffix == ".npy" else "np.savez(path, x=x)",
        )


def _wrong_with(error: Exception) -> str:
    """What numpy found, in our words: its own speak of an option that is not ours to set."""
    if "object" in str(error).lower():
        return "it holds objects of Python, which are not unpickled"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it ends before the array does, or is damaged"


def _member(path: str, names: list[str], wanted: str) -> str:
    """Name of the array to read."""
    if wanted:
        if wanted not in names:
            near = [*difflib.get_close_matches(wanted, names, n=1, cutoff=0.4), *names, "name"][0]
            raise SourceError(
                f"{path} holds no array {wanted!r}.", got=names, hint=f"{path}:{near}"
            )
        return wanted
    if len(names) != 1:
        raise SourceError(
            f"{path} holds several arrays." if names else f"{path} holds no array.",
            got=names,
            hint=" or ".join(f"{path}:{name}" for name in names[:3]) or "np.savez(path, x=x)",
        )
    return names[0]
