"""``python -m infometric.amortised CONFIG.toml``: train the weights of the meta-estimator."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from infometric.amortised.config import Config
from infometric.amortised.training import STAGES, NotBetterError, Run
from infometric.exceptions import InfometricError, InvalidParameterError

FAILED, LOST, INTERRUPTED = 2, 3, 130


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    made = argparse.ArgumentParser(prog="python -m infometric.amortised", description=__doc__)
    made.add_argument("config", type=Path, help="TOML file with every number of the run")
    made.add_argument("--stage", choices=STAGES, default="all")
    made.add_argument("--workers", type=int, default=2, help="processes that draw tasks")
    made.add_argument("--device", default="auto", help="auto, cpu or cuda")
    made.add_argument("--tensors", action="store_true", help="portraits by torch on a CPU too")
    made.add_argument("--folder", type=Path, default=Path("build/mist"), help="what is kept")
    made.add_argument("--output", type=Path, help="weights and card; default FOLDER/weights")
    made.add_argument("--docs", type=Path, help="folder for the card's table")
    made.add_argument(
        "--keep-worse",
        action="store_true",
        help="write weights of the full fit that lose to a classical estimator too; their card "
        "says so",
    )
    made.add_argument("--quiet", action="store_true", help="no bar")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it.

    Returns
    -------
    int
        0; 2 after an error; 3 where the pilot or the full fit lost to a classical estimator; 130
        after Ctrl-C.
    """
    asked = parser().parse_args(arguments)
    try:
        _run(asked).go(asked.stage)
    except NotBetterError as error:
        _say(str(error))
        return LOST
    except InfometricError as error:
        _say(str(error))
        return FAILED
    except KeyboardInterrupt:
        _say("interrupted; the same command goes on from here")
        return INTERRUPTED
    return 0


def _run(asked: argparse.Namespace) -> Run:
    if asked.workers < 0:
        raise InvalidParameterError(
            "--workers must be 0 or more.", got=asked.workers, hint="--workers 2"
        )
    return Run(
        config=Config.read(asked.config),
        folder=asked.folder,
        output=asked.output or asked.folder / "weights",
        workers=asked.workers,
        device=_device(asked.device),
        tensors=asked.tensors,
        progress=not asked.quiet and sys.stderr.isatty(),
        say=_say,
        docs=asked.docs,
        keep_worse=asked.keep_worse,
    )


def _device(asked: str) -> str:
    import torch

    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked not in ("cpu", "cuda"):
        raise InvalidParameterError("There is no such device.", got=asked, hint="--device auto")
    if asked == "cuda" and not torch.cuda.is_available():
        raise InvalidParameterError("There is no GPU here.", got=asked, hint="--device cpu")
    return asked


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
