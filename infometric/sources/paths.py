"""Names of files that are tables."""

from __future__ import annotations

import csv
import glob
import gzip
import os
from pathlib import Path
from typing import Any

from infometric.exceptions import SourceError

_CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst")
_NONE = "\x1f"  # the delimiter of a file with one column, whose cells may hold any of the others
_PARQUET = (".parquet", ".pq")


def check_path(path: str) -> bool:
    """Whether a path names Parquet; an error where it names no file or no kind of table.

    Raises
    ------
    SourceError
        Where the file is absent, empty, or of a kind that is not read.
    """
    lower = path.lower()
    parquet, csv = lower.endswith(_PARQUET), lower.endswith(_CSV)
    if not (parquet or csv):
        raise SourceError(
            f"{path} is neither a CSV nor a Parquet file by its name.",
            got=Path(path).suffix or path,
            hint="name it .csv, .csv.gz, .tsv or .parquet, or pass a frame",
        )
    if os.path.isdir(path):
        raise SourceError(
            f"{path} is a folder.",
            got=path,
            hint=f"pass its files: {path}/*.{'parquet' if parquet else 'csv'}",
        )
    found = glob.glob(path) if "*" in path else [path] * os.path.isfile(path)
    if not found:
        near = _nearest(path)
        raise SourceError(
            f"There is no file {path}.",
            hint=f"use {near}" if near else "check the path: ls " + (os.path.dirname(path) or "."),
        )
    if any(os.path.getsize(f) == 0 for f in found):
        raise SourceError(f"{path} is empty.", got="0 bytes", hint="write the file again")
    return parquet


def read_header(path: str) -> tuple[str, list[str]]:
    """Delimiter of a CSV file, the one that divides its first line into most names, and these.

    Both empty where the line cannot be read here (a kind of compression, another encoding); the
    reader of the file then looks for itself.
    """
    first = sorted(glob.glob(path))[0] if "*" in path else path
    opener: Any = gzip.open if first.lower().endswith(".gz") else open
    try:
        with opener(first, "rt", encoding="utf-8-sig", newline="") as file:
            line = file.readline()
    except (OSError, UnicodeDecodeError, EOFError):
        return "", []
    names = {d: next(csv.reader([line], delimiter=d), []) for d in (",", ";", "\t", "|")}
    best = max(names, key=lambda d: len(names[d]))
    return (best, names[best]) if len(names[best]) > 1 else (_NONE, names[best])


def _nearest(path: str) -> str | None:
    import difflib

    folder = os.path.dirname(path) or "."
    names = os.listdir(folder) if os.path.isdir(folder) else []
    close = difflib.get_close_matches(os.path.basename(path), names, n=1)
    return os.path.join(os.path.dirname(path), close[0]) if close else None
