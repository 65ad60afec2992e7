"""Programs of the benchmarks of credit: bins, stumps and PSI of frames in memory."""

from __future__ import annotations

from tasks import TIMED, Contestant, Task

FRAME = """
import warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd, pyarrow.parquet as pq
table = pq.ParquetFile("{data}/loans.parquet").iter_batches({rows})
frame = next(iter(table)).to_pandas()
y = frame.pop("target")
names = list(frame)
numbers, texts = [n for n in names if n.startswith("n")], [n for n in names if n.startswith("c")]
few = frame.iloc[:2000], y.iloc[:2000]
"""
SCALED = """
import json, time
def timed_part(call, times):
    start = time.process_time()
    call()
    print(json.dumps({"cpu": (time.process_time() - start) * times}))
"""


def of_frame(body: str) -> str:
    """Job on a frame in memory; `body` defines ``fit(frame, y)``, called once before it counts."""
    return TIMED + FRAME + body + "\nfit(*few)\nfound = timed(lambda: fit(frame, y))\n"


BINS = {
    "infometric": ("optimal monotone bins, WoE with errors", "", """
import infometric as im
def fit(frame, y):
    model = im.OptimalBinning().fit(frame, y)
    return model, model.woe_, model.se_
"""),
    "infometric, cross-fitted IV": ("the same five times, IV with intervals and p-values", "", """
import infometric as im
def fit(frame, y):
    return im.InformationValue(bins=im.OptimalBinning()).fit(frame, y).estimate()
"""),
    "infometric, stumps": ("bins of 50 boosted stumps, WoE with errors", "", """
import infometric as im
def fit(frame, y):
    model = im.StumpBinning().fit(frame, y)
    return model, model.woe_, model.se_
"""),
    "infometric, quantiles": ("ten bins, WoE with errors", "", """
import infometric as im
def fit(frame, y):
    model = im.WeightOfEvidence(bins=10).fit(frame, y)
    return model, model.woe_, model.se_
"""),
    "optbinning": ("optimal monotone bins, WoE", "optbinning", """
from optbinning import BinningProcess
def fit(frame, y):
    return BinningProcess(names, categorical_variables=texts).fit(frame, y)
"""),
    "toad, quantiles": ("ten bins", "toad", """
import toad
def fit(frame, y):
    whole = frame.assign(target=y.to_numpy())
    return toad.transform.Combiner().fit(whole, y="target", method="quantile", n_bins=10)
"""),
    "toad, trees": ("bins of a tree, not monotone", "toad", """
import toad
def fit(frame, y):
    whole = frame.assign(target=y.to_numpy())
    return toad.transform.Combiner().fit(whole, y="target", method="dt", n_bins=10)
"""),
    "fastwoe, quantiles": ("ten bins, WoE with errors", "fastwoe", """
from fastwoe import FastWoe
def fit(frame, y):
    return FastWoe(binning_method="kbins", binner_kwargs={"n_bins": 10}).fit(frame, y)
"""),
    "fastwoe, trees": ("bins of a tree, WoE with errors", "fastwoe", """
from fastwoe import FastWoe
def fit(frame, y):
    return FastWoe(binning_method="tree").fit(frame, y)
"""),
    "feature-engine": ("ten bins, WoE", "feature_engine", """
from feature_engine.discretisation import EqualFrequencyDiscretiser
from feature_engine.encoding import WoEEncoder
def fit(frame, y):
    cut = EqualFrequencyDiscretiser(q=10, variables=numbers, return_object=True)
    return WoEEncoder(variables=names).fit(cut.fit_transform(frame), y)
"""),
    "category_encoders": ("WoE of the five text columns alone", "category_encoders", """
import category_encoders
def fit(frame, y):
    return category_encoders.WOEEncoder(cols=texts).fit(frame[texts], y)
"""),
}  # fmt: skip
SCORECARDPY = (
    SCALED
    + FRAME
    + """
import contextlib, io
import scorecardpy
some = frame[["n5"]].assign(target=y)
def fit():
    with contextlib.redirect_stdout(io.StringIO()):
        scorecardpy.woebin(some, y="target", no_cores=1, print_info=False)
timed_part(fit, 25)
"""
)
STUMPS = {
    "infometric": ("cuts of 50 rounds, 255 fine cells, bins, WoE with errors", "", """
import infometric as im
def fit(frame, y):
    return im.StumpBinning(rounds=50, max_bins=50).fit(frame[numbers], y)
"""),
    "XGBoost": ("50 trees of depth one, column by column, one thread", "xgboost", """
import xgboost
options = {"max_depth": 1, "eta": 0.3, "objective": "binary:logistic", "nthread": 1}
def fit(frame, y):
    return [xgboost.train(options, xgboost.DMatrix(frame[[n]], y), 50) for n in numbers]
"""),
    "scikit-learn": ("50 trees of two leaves, column by column, one thread", "sklearn", """
import os
os.environ["OMP_NUM_THREADS"] = "1"
from sklearn.ensemble import HistGradientBoostingClassifier
def fit(frame, y):
    made = []
    for n in numbers:
        model = HistGradientBoostingClassifier(
            max_leaf_nodes=2, learning_rate=0.3, early_stopping=False, max_iter=50
        )
        made.append(model.fit(frame[[n]], y))
    return made
"""),
}  # fmt: skip
DRIFT = {
    "infometric": ("PSI, intervals, p-values, verdicts", "", """
import infometric as im
def fit(frame, y):
    half = len(frame) // 2
    return im.psi(frame[:half][numbers], frame[half:][numbers])
"""),
    "toad": ("PSI, ten quantile bins", "toad", """
import toad
def fit(frame, y):
    half = len(frame) // 2
    a, b = frame[:half][numbers], frame[half:][numbers]
    bins = toad.transform.Combiner().fit(a, method="quantile", n_bins=10)
    return toad.metrics.PSI(b, a, combiner=bins)
"""),
    "feature-engine": ("PSI, ten quantile bins", "feature_engine", """
from feature_engine.selection import DropHighPSIFeatures
def fit(frame, y):
    whole = frame[numbers].assign(part=(np.arange(len(frame)) >= len(frame) // 2).astype(int))
    return DropHighPSIFeatures(split_col="part", cut_off=0, bins=10).fit(whole)
"""),
    "evidently": ("PSI of its own bins, drift report", "evidently", """
from evidently import Report
from evidently.presets import DataDriftPreset
def fit(frame, y):
    half = len(frame) // 2
    return Report([DataDriftPreset(method="psi")]).run(frame[half:][numbers], frame[:half][numbers])
"""),
}  # fmt: skip


def contestants(programs: dict[str, tuple[str, str, str]]) -> tuple[Contestant, ...]:
    """Programs of a task on a frame."""
    return tuple(
        Contestant(name, of_frame(body), needs, does)
        for name, (does, needs, body) in programs.items()
    )


def binning_task(rows: str) -> Task:
    """Bins of all columns of so many rows."""
    programs = contestants(BINS)
    slow = Contestant("scorecardpy", SCORECARDPY, "scorecardpy", "one column of 25, scaled to all")
    return Task(
        f"binning-{rows}",
        f"Bins of {rows} rows x (20 numeric + 5 categorical) with a target, from a frame in memory",
        (*programs, slow),
        "",
        float("inf"),
        values={"rows": str(int(float(rows)))},
    )


CREDIT = (
    binning_task("1e5"),
    binning_task("1e6"),
    Task(
        "stumps",
        "Boosted stumps of 1e5 rows, 20 numeric columns one by one",
        contestants(STUMPS),
        "",
        float("inf"),
        values={"rows": "100000"},
    ),
    Task(
        "drift",
        "PSI of two halves of 1e5 rows x 20 numeric columns, from a frame in memory",
        contestants(DRIFT),
        "",
        float("inf"),
        values={"rows": "100000"},
    ),
)
