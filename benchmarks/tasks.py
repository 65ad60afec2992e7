"""What a benchmark is made of: programs that do one job, and the job."""

from __future__ import annotations

from dataclasses import dataclass, field

TIMED = """
import json, time
def timed(call):
    start = time.process_time()
    result = call()
    print(json.dumps({"cpu": time.process_time() - start}))
    return result
"""


@dataclass(frozen=True)
class Contestant:
    """One program of a task; `peer` runs in the peers' interpreter."""

    name: str
    code: str
    needs: str = ""  # module a peer needs
    does: str = ""

    @property
    def peer(self) -> bool:
        """Whether it runs in the peers' interpreter."""
        return bool(self.needs)


@dataclass(frozen=True)
class Task:
    """A job, ours first, and the bar it is held to."""

    key: str
    title: str
    contestants: tuple[Contestant, ...]
    target: str
    limit: float  # seconds of our median that the target allows
    beyond: str = ""  # contestant whose median is taken off first
    limit_mb: float = float("inf")
    wall: bool = False  # wall time instead of CPU time
    repeats: int = 0  # more than the default, where a run is short
    values: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)  # of the fastest peer's time, at most
    grown_mb: float = float("inf")  # of memory above what was there before the call
    truth: float | None = None  # of the value
    percent: float = float("inf")  # that the value of the first row may be off
