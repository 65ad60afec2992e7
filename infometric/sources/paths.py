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
    if not is_table_name(path):
        raise SourceError(
            f"{path} is neither a CSV nor a Parquet file by its name.",
            got=Path(path).suffix or path,
            hint="name it .csv, .csv.gz, .tsv or .parquet, or pass a frame",
        )
    parquet = is_parquet_name(path)
    refuse_no_file(path, "parquet" if parquet else "csv")
    return parquet


def is_table_name(path: str) -> bool:
    """Whether a name is one of a table that is read."""
    return is_parquet_name(path) or path.lower().endswith(_CSV)


def is_parquet_name(path: str) -> bool:
    """Whether a name is one of a Parquet file."""
    return path.lower().endswith(_PARQUET)


def refuse_no_file(path: str, kind: str) -> None:
    """Error where a path, or a pattern of paths, names no file that holds something.

    Raises
    ------
    SourceError
        Where it is a folder, absent or empty.
    """
    if os.path.isdir(path):
        raise SourceError(f"{path} is a folder.", got=path, hint=f"pass its files: {path}/*.{kind}")
    found = glob.glob(path) if "*" in path else [path] * os.path.isfile(path)
    if not found:
        near = _nearest(path)
        raise SourceError(
            f"There is no file {path}.",
            hint=f"use {near}" if near else "check the path: ls " + (os.path.dirname(path) or "."),
        )
    if any(os.path.getsize(f) == 0 for f in found):
        raise SourceError(f"{path} is empty.", got="0 bytes", hint="write the file again")


def read_header(path: str) -> tuple[str, list[str]]:
    """Delimiter of a CSV file, the one that divides its first record into most names, and these.

    Both empty where the record cannot be read here (a kind of compression, another encoding); the
    reader of the file then looks for itself.
    """
    names: dict[str, list[str]] = {}
    for delimiter in (",", ";", "\t", "|"):
        try:
            with _opened(path) as file:
                names[delimiter] = next(csv.reader(file, delimiter=delimiter), [])
        except (OSError, UnicodeDecodeError, EOFError, csv.Error):
            return "", []
    best = max(names, key=lambda d: len(names[d]))
    return (best, names[best]) if len(names[best]) > 1 else (_NONE, names[best])


def _opened(path: str) -> Any:
    """First file of a path or a glob, as text."""
    first = sorted(glob.glob(path))[0] if "*" in path else path
    opener: Any = gzip.open if first.lower().endswith(".gz") else open
    return opener(first, "rt", encoding="utf-8-sig", newline="")


def unlike_line(path: str, delimiter: str, width: int) -> str:
    """What is wrong with the first record of another width than the header; empty where none is."""
    try:
        with _opened(path) as file:
            records = csv.reader(file, delimiter=delimiter)
            for record in records:
                if record and len(record) != width:
                    return (
                        f"line {records.line_num} has {len(record)} field(s), the header {width}: "
                        f"{delimiter.join(record)[:80]!r}"
                    )
    except (OSError, UnicodeDecodeError, EOFError, csv.Error):
        pass
    return ""


def encoding_of(path: str) -> str:
    """Encoding that the first bytes of a text file suggest, as iconv calls it."""
    with open(sorted(glob.glob(path))[0] if "*" in path else path, "rb") as file:
        return "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "latin1"


def _nearest(path: str) -> str | None:
    import difflib

    folder = os.path.dirname(path) or "."
    names = os.listdir(folder) if os.path.isdir(folder) else []
    close = difflib.get_close_matches(os.path.basename(path), names, n=1, cutoff=0.7)
    return os.path.join(os.path.dirname(path), close[0]) if close else None
