"""Files: written whole or not at all (beside their target, then renamed), and read as JSON."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infometric.exceptions import DataError, OutputError, SourceError

SEAL = "checksum"


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write a text file; where that fails, what stood there stays.

    Raises
    ------
    OutputError
        Where the folder is absent or cannot be written.
    """
    # a lone surrogate in a name becomes its escape, which JSON reads back
    return write_bytes(path, text.encode("utf-8", errors="backslashreplace"))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file of bytes, as `write_text` does."""
    target = Path(path)
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o666 & ~_umask())
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder")
        os.replace(temporary, target)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            raise unwritable(target, error) from error
        raise
    return target


def check_writable(path: str | os.PathLike[str] | None) -> None:
    """Error, before the long work, where a file could not be written."""
    if path is None:
        return
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder")
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise unwritable(target, error) from error


def unwritable(target: Path, error: OSError) -> OutputError:
    """Error for a path that cannot be written; an older file there is untouched."""
    folder = target.parent
    hint = f"mkdir -p {folder}" if not folder.exists() else "choose a file in a folder of yours"
    return OutputError(
        f"{target} cannot be written: {error.strerror or error}. What stood there is unchanged.",
        hint=hint,
    )


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a checksum of everything in it, read back by `unsealed`.

    Examples
    --------
    >>> unsealed(sealed({"a": 1}), "write it again")
    {'a': 1}
    """
    return dict(content) | {SEAL: _checksum(content)}


def unsealed(data: Mapping[str, Any], hint: str) -> dict[str, Any]:
    """Content without its checksum.

    Parameters
    ----------
    data : mapping
        What `sealed` made.
    hint : str
        The line that makes it again.

    Raises
    ------
    DataError
        Where there is no checksum, or the content was changed after it was made.
    """
    content = {k: v for k, v in data.items() if k != SEAL}
    if data.get(SEAL) != _checksum(content):
        raise DataError(
            "The content does not match its checksum: it was changed after it was written.",
            got={"stored": data.get(SEAL), "computed": _checksum(content)},
            hint=hint,
        )
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits of the content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_json(path: str | os.PathLike[str], hint: str) -> dict[str, Any]:
    """Dictionary that a JSON file holds; an empty one where it holds anything else.

    Parameters
    ----------
    path : str or path-like
        The file.
    hint : str
        The line that writes such a file.

    Raises
    ------
    SourceError
        Where the file is absent or is not JSON.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SourceError(f"{path} cannot be read as JSON: {error}", hint=hint) from error
    return data if isinstance(data, dict) else {}
