"""Shards of a stream in a folder: drawn by workers, written whole, and kept from run to run."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from infometric.amortised.stream import Stream
from infometric.amortised.table import Table
from infometric.exceptions import DataError, InfometricError, SourceError
from infometric.files import read_json, unwritable, write_text

Tell = Callable[..., None]
ABOUT = "stream.json"
# one thread a worker; and large arrays are reused, not given back to the system and asked for again
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
}


def _silent(**_: Any) -> None:
    pass


@dataclass(frozen=True)
class Shards:
    """Shards of a stream in a folder.

    Parameters
    ----------
    stream : Stream
        What draws them.
    folder : Path
        Where they are; it is made where it is not there.

    Raises
    ------
    DataError
        Where the folder holds shards of another stream.
    OutputError
        Where the folder cannot be made or written.
    """

    stream: Stream
    folder: Path

    def __post_init__(self) -> None:
        about = self.folder / ABOUT
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        if about.exists():
            self._check(read_json(about, self._anew))
        told = {"key": self.stream.key, **self.stream.describe()}
        write_text(about, json.dumps(told, indent=1))

    def _check(self, known: dict[str, Any]) -> None:
        if known.get("key") == self.stream.key:
            return
        mine = self.stream.describe()
        unlike = [name for name, value in mine.items() if known.get(name) != value]
        raise DataError(
            f"The shards in {self.folder} are of another stream; other are: {', '.join(unlike)}.",
            got=known.get("key"),
            hint=self._anew,
        )

    @property
    def _anew(self) -> str:
        return f"--folder {self.folder}-2, or rm -r {self.folder} to draw them anew"

    def path(self, i: int) -> Path:
        """File of a shard."""
        return self.folder / f"shard-{i:05d}.npz"

    def read(self, i: int) -> Table:
        """A shard that is there.

        Raises
        ------
        SourceError
            Where it is absent, cut off, or of another stream.
        """
        table = Table.load(self.path(i))
        if table.key != self.stream.key:
            raise SourceError(
                f"{self.path(i)} is of another stream.",
                got=table.key,
                hint="delete the file, and the run draws its tasks again",
            )
        return table

    def missing(self, count: int, tell: Tell = _silent) -> list[int]:
        """Numbers of the shards, of the first `count`, that are yet to be drawn."""
        todo = []
        for i in range(count):
            if not self.path(i).exists():
                todo.append(i)
                continue
            try:
                self.read(i)
            except SourceError as error:
                tell(event="drawn again", shard=i, reason=error.what)
                todo.append(i)
        return todo

    def draw(
        self,
        count: int,
        *,
        workers: int = 0,
        tell: Tell = _silent,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Draw those of the first `count` shards that are not there.

        Parameters
        ----------
        count : int
            Number of shards.
        workers : int
            Processes, of one thread each; 0: this one.
        tell : callable
            Called by name with ``event``, ``shard``, ``tasks``, ``seconds`` of a worker's CPU and
            ``tasks_per_second``.
        progress : callable, optional
            Called with (shards that are there, `count`).

        Raises
        ------
        DataError, UnsupportedError
            Of the stream; shards that are done stay.
        OutputError
            Where a shard cannot be written.
        """
        todo = self.missing(count, tell)
        done = count - len(todo)
        if progress:
            progress(done, count)
        jobs = [(self.stream, i, self.path(i)) for i in todo]
        with closing(_drawn(jobs, workers)) as drawn:
            for i, tasks, seconds in drawn:
                done += 1
                rate = round(tasks / max(seconds, 1e-9), 1)
                seconds = round(seconds, 2)
                tell(event="shard", shard=i, tasks=tasks, seconds=seconds, tasks_per_second=rate)
                if progress:
                    progress(done, count)

    def table(self, count: int) -> Table:
        """The first `count` shards, one after the other."""
        return Table.joined([self.read(i) for i in range(count)])


Job = tuple[Stream, int, Path]
Result = tuple[int, int, float]


def _shard(job: Job) -> Result:
    """Draw a shard and write it: its number, its tasks, and the CPU seconds it took."""
    stream, i, path = job
    start = time.process_time()
    table = stream.shard(i)
    table.save(path)
    return i, len(table), time.process_time() - start


_checked: set[str] = set()


def _of_worker(job: Job) -> Result:
    """The same in another process, whose code is read when it starts."""
    stream = job[0]
    if stream.key not in _checked:
        if replace(stream).key != stream.key:
            raise DataError(
                "The code of the families or of the portrait was changed while the run went on.",
                got=replace(stream).key,
                hint="start the run again, in another --folder",
            )
        _checked.add(stream.key)
    return _shard(job)


def _drawn(jobs: list[Job], workers: int) -> Generator[Result, None, None]:
    """Results as they come; an interrupt lets the workers end the shards that they are at."""
    workers = min(workers, len(jobs))
    if not workers:
        yield from map(_shard, jobs)
        return
    rest = iter(jobs)
    with _environment():
        pool = ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_deaf
        )
        try:
            # no more than the workers are at: what is queued could not be taken back
            with _held_back():
                running = {pool.submit(_of_worker, job) for job in islice(rest, workers)}
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield _result(future)
                    with _held_back():
                        running |= {pool.submit(_of_worker, job) for job in islice(rest, 1)}
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[Result]) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise InfometricError(
            "A worker was ended from outside; the system does so where memory is short.",
            hint="--workers 1; the shards that are done are kept",
        ) from error


def _deaf() -> None:
    """Ctrl-C is for the process that leads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _held_back() -> Iterator[None]:
    """Ctrl-C waits: processes that start meanwhile never hear of it, while they import too."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment() -> Iterator[None]:
    """Environment that the workers start in."""
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
