"""A training run: shards, pilot, the rule that may end it, the rest of the shards, fit, weights.

Everything is kept in a folder, so that the same command goes on where it was ended. Weights are
written last, and only where every stage before went well; the rule is that of the pilot and of the
full fit alike.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from infometric.amortised import fitting
from infometric.amortised.calibration import Judged
from infometric.amortised.card import card, rendered
from infometric.amortised.checkpoint import Checkpoint
from infometric.amortised.config import Config
from infometric.amortised.evaluation import Row, by_rows, left_out, scores, worse
from infometric.amortised.fitting import Settings
from infometric.amortised.packing import packed, unpacked
from infometric.amortised.shards import Shards
from infometric.amortised.stream import Stream
from infometric.amortised.table import Table
from infometric.amortised.weights import Weights
from infometric.exceptions import InfometricError
from infometric.files import check_writable, unwritable, write_bytes, write_text
from infometric.sources.progress import following
from infometric.typing import Array

Network = dict[str, Array]
STAGES = ("pilot", "full", "all")
LOG = "log.jsonl"
SAID_EVERY = 100  # steps from one line of the log to the next


class NotBetterError(InfometricError):
    """The network lost to a classical estimator: the run ends, and no weights are written."""


@dataclass(frozen=True)
class Log:
    """Lines of JSON in a file, and short words to whoever listens.

    Parameters
    ----------
    path : Path
        The file; lines are added.
    say : callable, optional
        Called with a text of one line, of what a reader should know at once.
    """

    path: Path
    say: Callable[[str], None] | None = None

    def write(self, stage: str, **numbers: Any) -> None:
        """Add a line."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, "stage": stage, **numbers})
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def drawing(self, count: int) -> float | None:
        """CPU seconds that the first shards took, earlier runs included; None where a line lacks.

        A shard has no line where it was drawn elsewhere and brought into the folder.
        """
        texts = self.path.read_text(encoding="utf-8").splitlines()
        lines = [json.loads(text) for text in texts if text.endswith("}")]  # none cut off
        drawn = {line["shard"]: line["seconds"] for line in lines if line.get("event") == "shard"}
        known = [drawn[i] for i in range(count) if i in drawn]
        return float(sum(known)) if len(known) == count else None

    def word(self, stage: str, text: str, **numbers: Any) -> None:
        """Add a line, and say it."""
        self.write(stage, text=text, **numbers)
        if self.say:
            self.say(text)


@dataclass(frozen=True)
class Run:
    """One training run.

    Parameters
    ----------
    config : Config
        What is asked for.
    folder : Path
        Shards, checkpoints and the log.
    output : Path
        Folder of the weights and their card.
    workers : int
        Processes that draw tasks; 0: this one, as on a GPU.
    device : str
        Device of torch.
    tensors : bool
        Portraits by torch on a CPU too, as on a GPU.
    progress : bool or callable
        A bar, or a function of (done, total).
    say : callable, optional
        Called with short texts.
    docs : Path, optional
        Folder of the page's tables; see `infometric.amortised.card.rendered`.
    keep_worse : bool
        Write weights of the full fit that lose to a classical estimator too; log and card say so.
        A pilot that loses ends the run all the same.

    Raises
    ------
    OutputError
        Where a folder cannot be written: known before the work begins.
    """

    config: Config
    folder: Path
    output: Path
    workers: int = 2
    device: str = "cpu"
    tensors: bool = False
    progress: bool | Callable[[int, int], None] = False
    say: Callable[[str], None] | None = None
    docs: Path | None = None
    keep_worse: bool = False

    def __post_init__(self) -> None:
        for place in (self.folder, self.output, *([self.docs] if self.docs else [])):
            try:
                place.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise unwritable(place, error) from error
            check_writable(place / "written")

    # --- parts --------------------------------------------------------------------------------

    @cached_property
    def log(self) -> Log:
        """The log in the folder."""
        return Log(self.folder / LOG, self.say)

    @cached_property
    def stream(self) -> Stream:
        """What draws the tasks."""
        return self.config.stream(self.device, tensors=self.tensors)

    @cached_property
    def shards(self) -> Shards:
        """Shards in the folder."""
        return Shards(self.stream, self.folder)

    @property
    def groups(self) -> list[str]:
        """Group of each family: its relatives."""
        return [family.group for family in self.stream.families.values()]

    def count(self, stage: str) -> int:
        """Shards of a stage."""
        return self.config.shards(stage, self.device)

    # --- stages -------------------------------------------------------------------------------

    def go(self, stage: str = "all") -> None:
        """Run a stage; "all" is the pilot and then, unless it lost, the rest.

        Raises
        ------
        NotBetterError
            Where the pilot is worse than a classical estimator in a bin of n, or the full fit is
            and ``keep_worse`` is not set.
        """
        self.log.write("start", config=self.config.key, stream=self.stream.key, asked=stage,
                       device=self.device, workers=self.workers,
                       keep_worse=self.keep_worse)  # fmt: skip
        if stage != "full":
            self.pilot()
        if stage != "pilot":
            self.full()

    def pilot(self) -> list[Row]:
        """Fit to the first shards, and judge on families left out."""
        table = self.table("pilot")
        settings = self.config.settings("pilot")
        seen = fitting.assignment(len(table.families), settings, self.groups)
        network = self.fitted("pilot", table, settings, seen)
        found = by_rows(scores(table, left_out(network, table, seen)))
        self.log.write("pilot", metrics=found)
        lost = self._judged("pilot", found)
        if lost:
            raise NotBetterError(
                "The pilot is worse than a classical estimator on families left out, in nats "
                "squared, and the run ends here.",
                got="; ".join(lost),
                hint="change the families or the network; --stage full goes on in spite of it",
            )
        return found

    def full(self) -> dict[str, Any]:
        """Fit to all shards, calibrate, judge as after the pilot, and write weights and card.

        Raises
        ------
        NotBetterError
            Where a classical estimator is better in a bin of n, before anything is written to the
            folders of weights and tables.
        """
        table = self.table("full")
        settings = self.config.settings("full")
        seen = fitting.assignment(len(table.families), settings, self.groups)
        stored = packed(self.fitted("full", table, settings, seen))
        network = unpacked(stored)  # judged as it is shipped
        judged = Judged(table, left_out(network, table, seen))
        found = judged.of_others(table, judged.quantiles)
        spent = self.log.drawing(self.count("full"))
        facts = card(self.config, self.stream, table, *found, seconds=spent)
        self._refuse_worse(self._judged("full", facts["metrics"]["rows"]))
        if self.config.has("examination"):
            told = facts["metrics"]["families"]
            facts["metrics"]["examination"] = self.examination(judged, network, seen, told)
        if self.config.has("relatives"):
            facts["metrics"]["relatives"] = self.relatives(table)
        made = Weights.load(Weights(stored, judged.calibration(), facts).save(self.output))
        if self.docs:
            write_text(self.docs / "mist-card.inc", rendered(made.card))
        self.log.word("full", f"weights: {made.card['bytes']:,} bytes in {self.output}",
                      metrics=facts["metrics"]["rows"], sha256=made.card["sha256"])  # fmt: skip
        return dict(made.card)

    def relatives(self, table: Table) -> list[Row]:
        """Errors and coverage where families are left out together with all their relatives."""
        of = np.array(self.groups)
        groups = np.unique(of)
        seen = of[None, :] != groups[:, None]
        settings = replace(self.config.settings("relatives"), members=len(groups))
        network = self.fitted("relatives", table, settings, seen)
        raw = left_out(network, table, seen)
        judged = Judged(table, raw, of[:, None] == of[None, :])
        found = by_rows(scores(table, *judged.of_others(table, raw)))
        for row in found:
            self._tell_row("relatives", row)
        return found

    def examination(
        self, judged: Judged, network: Network, seen: Array, found: list[Row]
    ) -> list[Row]:
        """Errors and coverage of the families that were covered least, on fresh tasks."""
        asked = self.config.examination()
        known = judged.table.families
        out = []
        for stream in asked.streams(self.stream, found):
            shards = Shards(stream, self.folder / f"examination-{stream.key}")
            fresh = self._drawn("examination", shards, asked.shards)
            columns = [known.index(name) for name in fresh.families]
            raw = left_out(network, fresh, seen[:, columns])
            out += scores(fresh, *judged.of_others(fresh, raw))
        for row in out:
            text = "examination: {family}, n from {rows[0]}: 90 % cover {coverage[0.9]:.3f}"
            self.log.word("examination", text.format_map(row), **row)
        return out

    def _judged(self, stage: str, found: list[Row]) -> list[str]:
        """Bins of n in which a classical estimator is better, in words; all are told."""
        for row in found:
            self._tell_row(stage, row)
        lost = worse(found)
        if lost:
            self.log.write(stage, event="worse", bins=lost)
        else:
            better = "better than every classical estimator in every bin of n"
            self.log.word(stage, f"{stage}: {better}")
        return lost

    def _refuse_worse(self, lost: list[str]) -> None:
        """Error where the full fit lost, unless its weights are asked for in spite of it."""
        if lost and not self.keep_worse:
            raise NotBetterError(
                "The weights are worse than a classical estimator on families left out, in nats "
                f"squared, and nothing is written to {self.output}.",
                got="; ".join(lost),
                hint="change the families or the network; the same command with --stage full "
                "--keep-worse writes these weights in spite of it (their fit is kept)",
            )
        if lost:
            text = f"full: worse than a classical estimator, kept as asked: {'; '.join(lost)}"
            self.log.word("full", text, event="worse kept")

    def _tell_row(self, stage: str, row: Row) -> None:
        errors = ", ".join(f"{name} {value:.3g}" for name, value in row["mse"].items())
        covers = row["coverage"]["0.9"]
        low, high = row["rows"]
        self.log.word(stage, f"{stage}: n {low}-{high - 1}: {errors}; 90 % cover {covers:.3f}")

    def table(self, stage: str) -> Table:
        """Tasks of a stage, drawn where they are not there yet."""
        return self._drawn(stage, self.shards, self.count(stage))

    def _drawn(self, stage: str, shards: Shards, count: int) -> Table:
        event = "shard" if shards is self.shards else f"shard of the {stage}"

        def told(**numbers: Any) -> None:
            if numbers["event"] == "drawn again":
                text = f"shard {numbers['shard']} is drawn again: {numbers['reason']}"
                self.log.word("shards", text, **numbers)
            else:
                self.log.write("shards", **numbers | {"event": event})

        workers = 0 if self.device.startswith("cuda") else self.workers
        with self._bar(f"tasks of the {stage} stage") as progress:
            shards.draw(count, workers=workers, tell=told, progress=progress)
        return shards.table(count)

    def fitted(self, stage: str, table: Table, settings: Settings, seen: Array) -> Network:
        """Weights of a stage's fit: kept in the folder, and read from there another time."""
        about = [asdict(settings), table.key, len(table), self.device, seen.astype(int).tolist()]
        text = json.dumps(about, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        done = self.folder / f"{stage}-{key}.npz"
        known = _network(done)
        if known is not None:
            self.log.write(stage, event="fit known", file=done.name)
            return known
        kept = Checkpoint(self.folder / f"{stage}-{key}.safetensors", key)
        start = time.monotonic()
        with self._bar(f"fit of the {stage} stage") as progress:

            def told(step: int, loss: float) -> None:
                if progress:
                    progress(step + 1, settings.steps)
                if step % SAID_EVERY == 0 or step + 1 == settings.steps:
                    seconds = round(time.monotonic() - start, 1)
                    self.log.write(stage, event="step", step=step, loss=loss, seconds=seconds)

            network = fitting.fit(
                table,
                settings,
                seen=seen,
                weight=fitting.weight_of(self.groups, settings),
                progress=told,
                resume=kept,
                device=self.device,
            )
        content = io.BytesIO()
        arrays: dict[str, Any] = dict(network)
        np.savez(content, **arrays)
        write_bytes(done, content.getvalue())
        kept.forget()
        return network

    @contextmanager
    def _bar(self, text: str) -> Any:
        with following(self.progress, text) as listener:
            yield listener


def _network(path: Path) -> Network | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError):
        return None
