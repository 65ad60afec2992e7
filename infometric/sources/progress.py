"""Progress of long counting, told to whoever listens; silent by default."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from infometric.exceptions import InvalidParameterError, MissingExtraError

Listener = Callable[[int, int], None]
_listener: ContextVar[Listener | None] = ContextVar("infometric_progress", default=None)


@contextlib.contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Tell `listener` ``(values counted, values in all)`` while the block runs.

    Examples
    --------
    >>> import numpy as np
    >>> import infometric as im
    >>> seen = []
    >>> with listening(lambda done, total: seen.append((done, total))):
    ...     _ = im.PSI().fit(np.arange(20.0).reshape(10, 2))
    >>> seen
    [(0, 20), (10, 20), (20, 20)]
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextlib.contextmanager
def following(progress: bool | Listener | None, text: str) -> Iterator[Listener | None]:
    """Listener of a long call: a bar, a function, or None.

    Raises
    ------
    InvalidParameterError
        Where `progress` is neither.
    MissingExtraError
        Where a bar was asked for and rich is not installed.
    """
    if progress is None or (isinstance(progress, bool) and not progress):
        yield None
    elif progress is True:
        try:
            from infometric.report.terminal import bar
        except ImportError as error:
            raise MissingExtraError.of("rich", "cli") from error
        with bar(text) as advance:
            yield advance
    elif callable(progress):
        yield progress
    else:
        raise InvalidParameterError(
            "progress must be True, False or a function of (done, total).",
            got=progress,
            hint="progress=True",
        )


@contextlib.contextmanager
def followed(progress: bool | Listener | None, text: str) -> Iterator[None]:
    """Whoever is asked for listens while the block runs; else whoever listens already."""
    with following(progress, text) as listener:
        if listener is None:
            yield
        else:
            with listening(listener):
                yield


def tell(done: int, total: int) -> None:
    """Tell whoever listens."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total)


class Stage:
    """One pass over a table: so many values in all."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self.advance(0)

    def advance(self, values: int) -> None:
        """Say that so many more values are counted."""
        self._done += values
        tell(self._done, self._total)
