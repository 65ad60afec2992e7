"""Files of arrays with a JSON text among them: one ``.npz``, no pickle."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from infometric.exceptions import SourceError
from infometric.files import write_bytes
from infometric.typing import Array

SCHEMA_VERSION = 1


def write_npz(
    path: str | os.PathLike[str], arrays: Mapping[str, Any], kind: str, meta: Mapping[str, Any]
) -> Any:
    """Write arrays and a JSON text as one ``.npz`` file."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, "kind": kind, **meta}, allow_nan=False)
    sink = io.BytesIO()
    whole: dict[str, Any] = {**arrays, "meta.json": np.frombuffer(text.encode(), np.uint8)}
    np.savez_compressed(sink, **whole)
    return write_bytes(path, sink.getvalue())


def read_npz(
    path: str | os.PathLike[str], kind: str, hint: str
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and JSON of what `write_npz` wrote.

    Raises
    ------
    SourceError
        Where the file is absent, damaged, or of another kind or version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("meta.json").tobytes())
    except (OSError, ValueError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged"
        )
        raise SourceError(
            f"{path} cannot be read as a file of {kind}: {reason}.", hint=f"write it: {hint}"
        ) from error
    if meta.pop("kind", None) != kind or meta.pop("schema_version", None) != SCHEMA_VERSION:
        raise SourceError(
            f"{path} is no file of {kind} of schema version {SCHEMA_VERSION}.",
            hint=f"write it: {hint}",
        )
    return arrays, meta
