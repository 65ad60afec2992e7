"""Append-only records of a monitored model: JSON lines that hold each other in place.

A line has the hash of its own content and that of the line before it. A line that was edited, the
last one too, does not have its hash; one that was dropped or put in another place breaks the chain.
`AuditLog.verify` names the first such line. Hashes are no signatures: who edits a line can work
out its hash and those of all lines after it, and a log may be cut off at its end. Then the hash of
the last line is another. Keep `AuditLog.head` elsewhere (in the minutes of the committee, say).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infometric._version import __version__
from infometric.exceptions import DataError, InvalidParameterError, SourceError
from infometric.files import unwritable
from infometric.result import jsonable

SCHEMA_VERSION = 1
START = "0" * 64  # what stands for the hash of the line before the first
_OWN = ("schema_version", "kind", "version", "time", "previous", "hash")
_HASH = re.compile(rb',"hash":"([0-9a-f]{64})"}$')  # at the end of a line
_BACKUP = "take the file from the last backup whose head you know"


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class AuditLog:
    """A file of records that only grows.

    Parameters
    ----------
    path : str or path-like
        File of JSON lines; it begins with the first record.
    clock : callable, optional
        What tells the time, a `datetime` with a zone; the system's clock by default.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from infometric import AuditLog
    >>> log = AuditLog(pathlib.Path(tempfile.mkdtemp()) / "audit.jsonl")
    >>> _ = log.append("note", {"text": "limits agreed"})
    >>> _ = log.append("note", {"text": "limits changed"})
    >>> [record["text"] for record in log.verify()]
    ['limits agreed', 'limits changed']
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.path = Path(path)
        self.clock = clock

    def __repr__(self) -> str:
        return f"AuditLog({str(self.path)!r})"

    def exists(self) -> bool:
        """Whether there is a record."""
        return self.path.is_file() and self.path.stat().st_size > 0

    @property
    def head(self) -> str:
        """Hash of the last line: who keeps it elsewhere can see a log that was cut or rewritten."""
        return self.read()[1]

    def append(
        self, kind: str, content: Mapping[str, Any], *, after: str | None = None
    ) -> dict[str, Any]:
        """Write one record behind the others; whole, or not at all.

        Parameters
        ----------
        kind : str
            What the record is: "note", say; a monitor writes "reference" and "period".
        content : mapping
            Its facts; NaN and infinities become None and text.
        after : str, optional
            Hash of the line that must be the last: then nobody has written in between.

        Returns
        -------
        dict
            The record as written.

        Raises
        ------
        InvalidParameterError
            Where the kind is no text, or the content no mapping.
        DataError
            Where the log is broken, or has grown since `after`.
        OutputError
            Where it cannot be written; what stood there is unchanged.
        """
        if not isinstance(kind, str) or not kind.strip():
            raise InvalidParameterError(
                "The kind of a record is a word.", got=kind, hint='append("note", {"text": "..."})'
            )
        if not isinstance(content, Mapping):
            raise InvalidParameterError(
                "The content of a record is a mapping of names to facts.",
                got=content,
                hint=f"append({kind!r}, {{'text': ...}})",
            )
        taken = sorted(set(map(str, content)) & set(_OWN))
        if taken:
            raise DataError("These names are the log's own.", got=taken, hint="choose another name")
        new = not self.path.exists()
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise unwritable(self.path, error) from error
        written = False
        try:
            with locked(handle):
                head = self._checked_head(after)
                record = self._record(kind, content, head)
                self._write(handle, (_text(record) + "\n").encode())
                written = True
        finally:
            os.close(handle)
            if new and not written:
                self.path.unlink(missing_ok=True)
        return record

    def _checked_head(self, after: str | None) -> str:
        _, head = self.read()
        if after is not None and head != after:
            raise DataError(
                f"{self.path} is not as it was when it was read: somebody else has written it.",
                got={"last line": head[:12], "expected": after[:12]},
                hint="StabilityMonitor.from_records(path), then update it",
            )
        return head

    def _record(self, kind: str, content: Mapping[str, Any], head: str) -> dict[str, Any]:
        record = {
            "schema_version": SCHEMA_VERSION,
            "kind": kind,
            "version": __version__,
            "time": self.clock().astimezone(UTC).isoformat(timespec="seconds"),
            "previous": head,
            **jsonable(dict(content)),
        }
        return record | {"hash": hash_of(record)}

    def _write(self, handle: int, line: bytes) -> None:
        size = os.fstat(handle).st_size
        try:
            done = 0
            while done < len(line):
                done += os.write(handle, line[done:])
            os.fsync(handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, size)
            raise unwritable(self.path, error) from error

    def read(self) -> tuple[list[dict[str, Any]], str]:
        """All records, verified, and the hash of the last line."""
        walked = list(self._walk())
        return [record for record, _ in walked], walked[-1][1] if walked else START

    def verify(self) -> list[dict[str, Any]]:
        """All records, after every line and every link of the chain was looked at.

        Raises
        ------
        SourceError
            Where there is no log.
        DataError
            Where a line is no record, does not have its hash, does not follow the line before it,
            or was not written to its end; the message names the first.
        """
        return self.read()[0]

    def _walk(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Each record with the hash of its line."""
        previous = START
        for number, line in enumerate(self._lines(), start=1):
            record = self._parsed(line, number)
            if record["previous"] != previous:
                raise DataError(
                    f"Line {number} of {self.path} does not follow the line before it: a line was "
                    "edited, dropped or moved.",
                    got={"previous": record["previous"][:12], "line before": previous[:12]},
                    hint=_BACKUP,
                )
            self._check_content(line, number)
            previous = _hash(line)
            yield record, previous

    def _check_content(self, line: bytes, number: int) -> None:
        """Refuse a line whose hash is not that of the rest of it, byte for byte."""
        stored = _HASH.search(line)
        computed = _hash(line[: stored.start()] + b"}") if stored else ""
        if stored is None or stored[1].decode() != computed:
            raise DataError(
                f"Line {number} of {self.path} was edited: its content does not have its hash.",
                got={"hash": stored[1].decode()[:12] if stored else None, "content": computed[:12]},
                hint=_BACKUP,
            )

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise DataError(
                f"Line {number} of {self.path} is no JSON: {error}.",
                hint=_BACKUP,
            ) from error
        version = record.get("schema_version") if isinstance(record, dict) else None
        texts = [name for name in _OWN if name != "schema_version"]
        lost = [
            n for n in texts if not isinstance(record, dict) or not isinstance(record.get(n), str)
        ]
        if version != SCHEMA_VERSION or lost:
            raise DataError(
                f"Line {number} of {self.path} is no record of schema version {SCHEMA_VERSION}.",
                got={"schema_version": version, "not there": lost},
                hint="AuditLog(path) of a file that this library wrote",
            )
        return record

    def _lines(self) -> list[bytes]:
        """Lines of the file.

        Raises
        ------
        DataError
            Where the last one was not written to its end.
        """
        try:
            raw = self.path.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from error
        *lines, rest = raw.split(b"\n")
        if rest:
            raise DataError(
                f"The last line of {self.path}, line {len(lines) + 1}, was not written to its end.",
                got=f"{len(rest)} bytes without an end of line",
                hint="AuditLog(path).mend() puts the torn line into a file beside it, then update "
                "again",
            )
        return lines

    def mend(self) -> Path | None:
        """Move a last line that was not written to its end into a file beside the log.

        Returns
        -------
        pathlib.Path or None
            The file that holds the torn line; None where there was none.

        Raises
        ------
        SourceError
            Where there is no log.
        OutputError
            Where it, or the file beside it, cannot be written.
        """
        try:
            file = self.path.open("r+b")
        except OSError as error:
            raise self._unreadable(error) from error
        with file, locked(file.fileno()):
            raw = file.read()
            size = raw.rfind(b"\n") + 1
            if size == len(raw):
                return None
            torn = self.path.with_name(f"{self.path.name}.torn-{_hash(raw[size:])[:8]}")
            try:
                torn.write_bytes(raw[size:])
                file.truncate(size)
                os.fsync(file.fileno())
            except OSError as error:
                raise unwritable(torn, error) from error
        return torn

    def _unreadable(self, error: OSError) -> SourceError:
        return SourceError(
            f"{self.path} cannot be read: {error.strerror or error}",
            hint="StabilityMonitor(records=path).fit(reference) begins a log",
        )


def as_log(records: str | os.PathLike[str] | AuditLog) -> AuditLog:
    """Log of a path, or the log itself."""
    return records if isinstance(records, AuditLog) else AuditLog(records)


@contextlib.contextmanager
def locked(handle: int) -> Iterator[None]:
    """Hold the file alone, where the system has such locks; the chain shows a race elsewhere."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def hash_of(record: Mapping[str, Any]) -> str:
    """Hash of the line of a record that was just written."""
    return _hash(_text(record).encode())


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _text(record: Mapping[str, Any]) -> str:
    """One line of JSON; a lone surrogate in a name becomes its escape."""
    return json.dumps(record, allow_nan=False, separators=(",", ":"))
