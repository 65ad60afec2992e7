"""Rows of files that are arrays or tables: what the commands that read them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from infometric.exceptions import DataError, SourceError
from infometric.report.commands import number
from infometric.report.options import spoken
from infometric.result import Result, ResultTable
from infometric.sources.arrays import is_array_file, parted
from infometric.sources.paths import is_parquet_name, is_table_name, read_header
from infometric.state.encoders import Column


def inputs(file: Path, *others: str) -> list[Path]:
    """Files that are read, and must not be written over."""
    return [Path(parted(file)[0]), *(Path(parted(o)[0]) for o in others if is_array_file(o))]


def require_readable(file: Path) -> None:
    """Error for a file of no kind that is read."""
    if not (is_array_file(file) or is_table_name(str(file)) or file.is_dir()):
        raise SourceError(
            f"{file} is no array and no table by its name.",
            got=file.suffix or str(file),
            hint="name it .npy or .npz where it is an array, .csv or .parquet where it is a table",
        )


def refuse_gaps(y: Column, what: str = "target") -> None:
    """Error where a column is not known in every row."""
    gaps = np.isnan(y.values) if y.values.dtype.kind == "f" else np.zeros(len(y.values), bool)
    gaps |= (y.values < 0) if not y.numeric else False if y.missing is None else y.missing
    if gaps.any():
        raise DataError(
            f"The {what} {y.name!r} is missing in {int(gaps.sum())} row(s).",
            got={"row": int(np.flatnonzero(gaps)[0])},
            hint="leave these rows out of the file, or write a word there to make them a class",
        )


def refuse_headless(file: Path) -> None:
    """Error where the first line of a CSV file holds numbers, some of them twice."""
    names = [] if is_parquet_name(str(file)) or not file.is_file() else read_header(str(file))[1]
    if len(set(names)) < len(names) and _are_numbers(names):
        raise SourceError(
            f"The first line of {file.name} holds numbers, and no names of columns.",
            got=names[:5],
            hint="write the names as the first line: x1,x2,...",
        )


def _are_numbers(names: Sequence[str]) -> bool:
    """Whether names are numbers that are no count of the columns."""
    read = [number(name) for name in names]
    counted = read in (list(range(len(read))), list(range(1, len(read) + 1)))
    return not counted and not any(isinstance(name, str) for name in read)


def headless(file: Path, names: Sequence[str]) -> list[str]:
    """Say where the names of a CSV file are numbers: its first row may be lost to them."""
    if is_parquet_name(str(file)) or not _are_numbers(names):
        return []
    return [
        f"every column name of {file.name} is a number ({', '.join(names[:3])}): a file without a "
        "line of names loses its first row to them"
    ]


def called(target: str) -> str:
    """What a target is called: a column, or the array of a file."""
    if not is_array_file(target):
        return target
    path, member = parted(target)
    return member or Path(path).stem


def in_options(found: dict[str, Result]) -> ResultTable:
    """A table whose warnings speak of options."""
    return ResultTable(
        {k: replace(r, warnings=tuple(map(spoken, r.warnings))) for k, r in found.items()}
    )
