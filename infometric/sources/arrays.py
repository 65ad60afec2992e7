"""Files that hold one array: ``.npy``, and ``.npz`` with a single array in it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from infometric.exceptions import SourceError
from infometric.sources.paths import refuse_no_file
from infometric.typing import Array

ARRAYS = (".npy", ".npz")


def is_array_file(data: Any) -> bool:
    """Whether data are a path that names an array."""
    return isinstance(data, str | os.PathLike) and os.fspath(data).lower().endswith(ARRAYS)


def open_array(path: str | os.PathLike[str]) -> Array:
    """Array of a file; ``.npy`` is mapped, not read, until its rows are asked for.

    Raises
    ------
    SourceError
        Where the file is absent, no array, holds several, or holds objects that would have to be
        unpickled.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "activations.npy"
    >>> np.save(path, np.eye(3))
    >>> open_array(path).shape
    (3, 3)
    """
    name = os.fspath(path)
    refuse_no_file(name, "npy")
    try:
        found = np.load(name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(
            f"{name} cannot be read as an array of numbers.",
            got=str(error),
            hint="np.save(path, np.asarray(x, dtype=np.float32))",
        ) from error
    if isinstance(found, np.ndarray):
        return found
    with found:
        if len(found.files) != 1:
            raise SourceError(
                f"{name} holds several arrays.",
                got=found.files,
                hint=f"np.load({name!r})[{(found.files or ['x'])[0]!r}]",
            )
        return np.asarray(found[found.files[0]])
