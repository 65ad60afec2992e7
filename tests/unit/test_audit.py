"""The audit log: only grows, shows what was tampered with, and never loses or hides a line."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from infometric._version import __version__
from infometric.credit import audit
from infometric.credit.audit import START, AuditLog
from infometric.exceptions import DataError, InvalidParameterError, OutputError, SourceError

NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl", clock=lambda: NOW)
    for k in range(4):
        log.append("note", {"number": k, "share": float("nan") if k == 2 else k / 3})
    return log


def test_a_record_says_what_wrote_it_when_and_after_what(log):
    lines = log.path.read_bytes().splitlines()
    records = log.verify()
    assert [json.loads(line) for line in lines] == records
    assert records[0]["previous"] == START
    for line, record in zip(lines, records[1:], strict=False):
        assert record["previous"] == hashlib.sha256(line).hexdigest()
    assert log.head == hashlib.sha256(lines[-1]).hexdigest()
    assert records[1] == {
        "schema_version": 1, "kind": "note", "version": __version__,
        "time": "2026-01-31T09:30:00+00:00", "previous": records[1]["previous"],
        "number": 1, "share": 1 / 3, "hash": records[1]["hash"],
    }  # fmt: skip
    for record in records:
        rest = {name: value for name, value in record.items() if name != "hash"}
        text = json.dumps(rest, separators=(",", ":"))
        assert record["hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert records[2]["share"] is None


def test_time_is_told_in_utc(tmp_path):
    there = timezone(timedelta(hours=5, minutes=30))
    log = AuditLog(tmp_path / "a.jsonl", clock=lambda: NOW.astimezone(there))
    assert log.append("note", {})["time"] == "2026-01-31T09:30:00+00:00"


def edited(log, number, change, *, rehashed):
    """One line changed; with the right hash of its own content where its editor knows of it."""
    lines = log.path.read_text().splitlines()
    record = json.loads(lines[number - 1])
    change(record)
    if rehashed:
        record.pop("hash")
        text = json.dumps(record, separators=(",", ":"))
        record["hash"] = hashlib.sha256(text.encode()).hexdigest()
    lines[number - 1] = json.dumps(record, separators=(",", ":"))
    log.path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_edited_line_is_named_the_last_one_too(log, number):
    edited(log, number, lambda record: record.update(kind="nota"), rehashed=False)
    with pytest.raises(DataError, match=f"Line {number} of .* was edited"):
        log.verify()
    before = log.path.read_bytes()
    with pytest.raises(DataError, match="was edited"):
        log.append("note", {})
    assert log.path.read_bytes() == before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edited_line_with_a_new_hash_is_found_by_the_line_after_it(log, number):
    edited(log, number, lambda record: record.update(kind="nota"), rehashed=True)
    with pytest.raises(DataError, match=f"Line {number + 1} of .* does not follow"):
        log.verify()
    before = log.path.read_bytes()
    with pytest.raises(DataError, match="does not follow"):
        log.append("note", {})
    assert log.path.read_bytes() == before


def test_what_the_chain_cannot_show_the_head_does(log):
    """The last line written anew with its hash: every link holds, and the head is another."""
    head = log.head
    edited(log, 4, lambda record: record.update(number=30), rehashed=True)
    assert log.verify()[-1]["number"] == 30
    assert log.head != head


@pytest.mark.parametrize("spoilt", [{"hash": 5}, {"previous": 7}, {"kind": None}, {"time": []}])
def test_a_line_without_its_own_parts_is_named(log, spoilt):
    edited(log, 4, lambda record: record.update(spoilt), rehashed=False)
    with pytest.raises(DataError, match=r"Line 4 of .* is no record"):
        log.verify()


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [("note", [1], "mapping"), ("note", "text", "mapping"), ("note", None, "mapping"),
     (5, {}, "a word"), ("", {}, "a word"), (None, {}, "a word")],
)  # fmt: skip
def test_what_is_no_record_is_not_written(log, kind, content, says):
    before = log.path.read_bytes()
    with pytest.raises(InvalidParameterError, match=says):
        log.append(kind, content)
    assert log.path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "number"),
    [(lambda x: x[1:], 1), (lambda x: [x[0], *x[2:]], 2), (lambda x: [x[1], x[0], *x[2:]], 1),
     (lambda x: [*x[:2], *x[1:]], 3)],
    ids=["first dropped", "middle dropped", "swapped", "twice"],
)  # fmt: skip
def test_lines_that_are_dropped_moved_or_repeated_are_found(log, change, number):
    lines = log.path.read_text().splitlines(keepends=True)
    log.path.write_text("".join(change(lines)))
    with pytest.raises(DataError, match=f"Line {number} of .* does not follow"):
        log.verify()


def test_a_log_that_was_cut_has_another_head(log):
    head = log.head
    lines = log.path.read_text().splitlines(keepends=True)
    log.path.write_text("".join(lines[:-1]))
    assert len(log.verify()) == 3
    assert log.head != head


@pytest.mark.parametrize("bytes_left", [1, 40, -1])
def test_a_torn_last_line_is_reported_and_kept(log, bytes_left):
    whole = log.path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    torn = whole[: start + bytes_left] if bytes_left > 0 else whole[:-1]
    log.path.write_bytes(torn)
    for call in (log.verify, lambda: log.append("note", {})):
        with pytest.raises(DataError, match="line 4, was not written to its end"):
            call()
    assert log.path.read_bytes() == torn
    kept = log.mend()
    assert kept.read_bytes() == torn[start:]
    assert len(log.verify()) == 3
    log.append("note", {"number": 3})
    assert len(log.verify()) == 4
    assert log.mend() is None


def test_no_json_and_no_record_are_named(log):
    with log.path.open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(DataError, match=r"Line 5 of .* is no JSON"):
        log.verify()
    log.path.write_text('{"a": 1}\n')
    with pytest.raises(DataError, match=r"Line 1 of .* is no record"):
        log.verify()


def test_a_write_that_fails_leaves_the_log_as_it_was(log, tmp_path, monkeypatch):
    before = log.path.read_bytes()
    written = []

    def full(handle, data):
        if written:
            raise OSError(28, "No space left on device")
        written.append(data)
        return real(handle, data[:20])

    real = os.write
    monkeypatch.setattr(audit.os, "write", full)
    with pytest.raises(OutputError, match="No space left"):
        log.append("note", {"number": 4})
    assert log.path.read_bytes() == before
    other = AuditLog(tmp_path / "other.jsonl")
    with pytest.raises(OutputError):
        other.append("note", {})
    assert not other.path.exists()


def test_a_folder_that_is_not_there(tmp_path):
    log = AuditLog(tmp_path / "no" / "audit.jsonl")
    with pytest.raises(SourceError, match="cannot be read"):
        log.verify()
    with pytest.raises(OutputError, match="mkdir"):
        log.append("note", {})
    with pytest.raises(SourceError, match="cannot be read"):
        log.mend()
    assert not log.exists()


def test_names_of_the_log_are_its_own_and_what_follows_is_known(log):
    with pytest.raises(DataError, match="own"):
        log.append("note", {"time": "now"})
    with pytest.raises(DataError, match="own"):
        log.append("note", {"hash": "0" * 64})
    head = log.head
    log.append("note", {}, after=head)
    with pytest.raises(DataError, match="not as it was"):
        log.append("note", {}, after=head)
    assert len(log.verify()) == 5


def test_a_writer_waits_until_the_log_is_free(log):
    done = threading.Event()

    def write():
        log.append("note", {})
        done.set()

    with log.path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.3)
        assert len(log.verify()) == 4
    writer.join(10)  # closed, and so free
    assert len(log.verify()) == 5


def test_many_processes_write_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    script = (
        "import sys; from infometric.credit.audit import AuditLog\n"
        "log = AuditLog(sys.argv[1])\n"
        "for k in range(8): log.append('note', {'who': sys.argv[2], 'k': k, 'fill': 'x' * 5000})"
    )
    crowd = [subprocess.Popen([sys.executable, "-c", script, str(path), str(i)]) for i in range(2)]
    assert [p.wait() for p in crowd] == [0, 0]
    records = AuditLog(path).verify()
    assert len(records) == 16
    for who in "01":
        assert [r["k"] for r in records if r["who"] == who] == list(range(8))
