"""A scorecard as text that runs elsewhere: one SQL query, or one Python function.

Both follow the encoders to the letter (`sources.sql`), and add the points in the same order, so
that scores are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from infometric._version import __version__
from infometric.exceptions import DataError, InvalidParameterError, UnsupportedError
from infometric.sources.sql import INFINITE, cell_expression, identifier, interval_cases
from infometric.sources.sql import literal as sql_literal
from infometric.state.encoders import CategoryEncoder, Encoder, IntervalEncoder

DIALECTS = ("duckdb",)
Points = tuple[float | int | None, ...]


class Line(NamedTuple):
    """One characteristic: its name, its cells, their points (None: no score), its SQL type."""

    name: str
    encoder: Encoder
    points: Points
    declared: str


def sql_query(
    lines: Sequence[Line],
    source: str,
    *,
    dialect: str = "duckdb",
    keep: Sequence[str] = (),
    score: str = "score",
    points: bool = False,
    beside: Sequence[str] = (),
) -> str:
    """One SELECT that gives every row its score.

    Parameters
    ----------
    lines : sequence of Line
        Characteristics in the order of the sum.
    source : str
        What stands after FROM: a table, a view, ``read_parquet('...')``.
    dialect : str
        "duckdb".
    keep : sequence of str
        Columns of the source to give back beside the score.
    score : str
        Name of the score.
    points : bool
        Whether the points of each characteristic are given too.
    beside : sequence of str
        Columns that stood beside the characteristics in the fit.

    Raises
    ------
    UnsupportedError
        Where the dialect is another.
    InvalidParameterError
        Where `source`, `keep` or `score` is no text, or no list of it.
    DataError
        Where two columns, read or written, differ in nothing but case: SQL takes them for one.
    """
    _check_texts(source, keep, score)
    read = list(dict.fromkeys([*(line.name for line in lines), *keep]))
    why = "one of these columns would be read for the other"
    _refuse_alike(read, beside, why, "frame.rename(columns={'Income': 'income_2'}) before the fit")
    own = [f"{line.name}_points" for line in lines] if points else []
    why = "two columns of the answer would have one name"
    _refuse_alike([*keep, *own, score], (), why, "score='points_in_all', and each column once")
    if dialect not in DIALECTS:
        raise UnsupportedError(
            f"Scores are written in SQL of {', '.join(DIALECTS)} alone.",
            got=dialect,
            hint="dialect='duckdb', and a translator of SQL for other engines",
        )
    terms = [_term(line) for line in lines]
    columns = [identifier(name) for name in keep]
    if points:
        columns += [f"{t} AS {identifier(name)}" for t, name in zip(terms, own, strict=True)]
    columns.append("\n  + ".join(terms) + f"\n  AS {identifier(score)}")
    return "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {source}"


def _check_texts(source: Any, keep: Any, score: Any) -> None:
    """Error where a name of the query is none."""
    for what, value, hint in (
        ("source", source, "card.to_sql('applicants'), a table, or \"read_parquet('a.parquet')\""),
        ("score", score, "score='score'"),
    ):
        if not isinstance(value, str) or not value.strip():
            raise InvalidParameterError(
                f"The {what!r} parameter of to_sql must be a text that is not empty.",
                got=value,
                hint=hint,
            )
    if not isinstance(keep, list | tuple) or not all(isinstance(name, str) for name in keep):
        raise InvalidParameterError(
            "The 'keep' parameter of to_sql must be a list of column names.",
            got=keep,
            hint=f"keep=[{keep!r}]" if isinstance(keep, str) else "keep=['ID']",
        )


def _refuse_alike(used: Sequence[str], others: Sequence[str], why: str, hint: str) -> None:
    """Error where a name that is used has a twin in all but case."""
    seen: dict[str, str] = {}
    for name in used:
        if name.lower() in seen:
            _refuse_pair(seen[name.lower()], name, why, hint)
        seen[name.lower()] = name
    for name in others:
        if seen.get(name.lower(), name) != name:
            _refuse_pair(seen[name.lower()], name, why, hint)


def _refuse_pair(first: str, second: str, why: str, hint: str) -> None:
    raise DataError(f"Names in SQL are blind to case: {why}.", got=[first, second], hint=hint)


def _term(line: Line) -> str:
    """Points of a row for one characteristic; NULL where there are none."""
    cell = cell_expression(line.encoder, line.name, line.declared)
    whens = " ".join(
        f"WHEN {k} THEN {sql_literal(p)}" for k, p in enumerate(line.points) if p is not None
    )
    return f"CASE {cell} {whens} END"


PYTHON = '''# Scorecard of {size} characteristics; points are higher for {good!r} than for {bad!r}.
# Written by infometric {version}; fingerprint {hash}. Needs nothing but Python.

INF = float("inf")
CHARACTERISTICS = [
{lines}
]


def _missing(x):
    return x is None or type(x).__name__ in ("NAType", "NaTType") or x != x


def _interval(name, x, cases, last):
    if not isinstance(x, (int, float)) and not hasattr(x, "__float__") and not _missing(x):
        raise TypeError(f"{{name}} must be a number, not {{x!r}}")
    for test, bound, cell in cases:
        if test == "missing":
            hit = _missing(x)
        elif test == "infinite":
            if x in (INF, -INF):
                raise ValueError(f"{{name}} is infinite, which belongs to no bin")
            hit = False
        elif test == "=":
            hit = x == bound
        else:
            hit = x < bound if test == "<" else x > bound
        if hit:
            return cell
    return last


def _category(name, x, cells, known, text):
    if _missing(x):
        return known + 1
    if text is not None and isinstance(x, str) != text:
        raise TypeError(f"{{name}} must be {{'text' if text else 'a number'}}, not {{x!r}}")
    return cells.get(x, known)


def points(row):
    """Points of each characteristic of one record, a mapping of name to value."""
    found = {{}}
    for name, kind, where, last, text, table in CHARACTERISTICS:
        x = row[name]
        x = x.item() if hasattr(x, "item") else x
        if kind == "interval":
            cell = _interval(name, x, where, last)
        else:
            cell = _category(name, x, where, last, text)
        if table[cell] is None:
            raise ValueError(f"{{name}} is {{x!r}}, of which nothing is known")
        found[name] = table[cell]
    return found


def score(row):
    """Score of one record, a mapping of name to value; None and NaN are missing."""
    total = 0
    for value in points(row).values():
        total += value
    return total
'''


def python_source(lines: Sequence[Line], *, classes: Sequence[Any], fingerprint: str) -> str:
    """Text of a module whose function `score` takes one record, and which imports nothing.

    Parameters
    ----------
    lines : sequence of Line
        Characteristics in the order of the sum.
    classes : sequence of two
        Non-event and event, for the heading.
    fingerprint : str
        What identifies the scorecard.
    """
    good, bad = classes
    body = "\n".join(f"    {_entry(line)}," for line in lines)
    return PYTHON.format(
        size=len(lines), good=good, bad=bad, version=__version__, hash=fingerprint, lines=body
    )


def _entry(line: Line) -> str:
    """One characteristic as a Python literal."""
    encoder = line.encoder
    points = list(line.points)
    if isinstance(encoder, IntervalEncoder):
        cases = _exact(interval_cases(encoder), encoder)
        entry: Any = (line.name, "interval", cases, len(encoder.edges), None, points)
    elif isinstance(encoder, CategoryEncoder):
        cells = dict(encoder.position)
        kinds = {isinstance(c, str) for c in cells}
        text = kinds.pop() if len(kinds) == 1 else None
        entry = (line.name, "category", cells, encoder.n_known, text, points)
    else:
        raise DataError("These cells have no Python form.", got=type(encoder).__name__)
    return python_literal(entry)


def _exact(cases: Sequence[tuple[str, float, int]], encoder: IntervalEncoder) -> list[Any]:
    """The cases with the edges as they are: integers that no float can hold stay integers."""
    edges = iter(encoder.edges)
    inner = range(len(encoder.edges))
    return [
        (test, next(edges) if test == "<" and cell in inner else bound, cell)
        for test, bound, cell in cases
        if cell != INFINITE or test == "infinite"
    ]


def python_literal(value: Any) -> str:
    """Python expression of a plain value; infinities by the name INF.

    Examples
    --------
    >>> python_literal(("a", [1.5, float("-inf"), None], {"b": 2}))
    "('a', [1.5, -INF, None], {'b': 2})"
    """
    if isinstance(value, tuple):
        inside = ", ".join(map(python_literal, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return "[" + ", ".join(map(python_literal, value)) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{python_literal(k)}: {python_literal(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "INF" if value > 0 else "-INF"
    return repr(value)
