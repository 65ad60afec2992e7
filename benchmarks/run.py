"""Speed and memory beside the peers, in one run.

    python benchmarks/run.py [--repeats N] [--peer-python PATH] [--only TASK ...]

Every row is a fresh process; contestants of a task take turns, so that they share whatever else
the machine does. CPU seconds are user plus system time of the job after its imports (all threads);
the time of the whole process stands beside it. Peers that are not installed in `--peer-python` are
reported as such. Writes docs/_data/benchmarks.json and the table that docs/benchmarks.md includes.

A child's peak memory starts at that of the process that started it, so this one stays small: the
data are made in a process of their own, and numpy is not imported here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from credit import CREDIT
from tasks import TIMED, Contestant, Task

HERE = Path(__file__).parent
DATA = HERE / "data"
OUT = HERE.parent / "docs" / "_data"
LONG = 10.0  # seconds of CPU above which a peer runs once

PSI_OURS = (
    TIMED
    + """
import infometric as im
from infometric.sources import parquet
import statsmodels.stats.multitest
psi = im.psi
found = timed(lambda: psi("{data}/reference{kind}.parquet", "{data}/current{kind}.parquet"))
assert len(found) == 50 and all(0 <= r.pvalue <= 1 for r in found.values())
"""
)
PSI_POLARS_EDGES = (
    TIMED
    + """
import numpy as np, polars as pl
paths = ["{data}/reference{kind}.parquet", "{data}/current{kind}.parquet"]
names = pl.scan_parquet(paths[0]).collect_schema().names()
edges = np.array([-1.2816, -.8416, -.5244, -.2533, 0, .2533, .5244, .8416, 1.2816])
def below(path):
    exprs = [(pl.col(c) < e).sum().alias(c + "/" + str(i))
             for c in names for i, e in enumerate(edges)]
    out = pl.scan_parquet(path).select([pl.len().alias("n"), *exprs]).collect(engine="streaming")
    n = out["n"][0]
    table = np.array(out.row(0)[1:], float).reshape(len(names), len(edges))
    cuts = np.column_stack([np.zeros(len(names)), table, np.full(len(names), n)])
    return np.diff(cuts, axis=1) / n
def psi():
    p, q = map(below, paths)
    return ((p - q) * np.log(p / q)).sum(1)
assert len(timed(psi)) == 50
"""
)
PSI_POLARS_QUANTILES = (
    TIMED
    + """
import numpy as np, polars as pl
paths = ["{data}/reference{kind}.parquet", "{data}/current{kind}.parquet"]
names = pl.scan_parquet(paths[0]).collect_schema().names()
at = [k / 10 for k in range(1, 10)]
exprs = [pl.col(c).quantile(at) for c in names]  # all nine at once
def below(path, edges):
    exprs = [(pl.col(c) < float(e)).sum().alias(c + "/" + str(i))
             for k, c in enumerate(names) for i, e in enumerate(edges[k])]
    out = pl.scan_parquet(path).select([pl.len().alias("n"), *exprs]).collect(engine="streaming")
    n = out["n"][0]
    table = np.array(out.row(0)[1:], float).reshape(len(names), 9)
    cuts = np.column_stack([np.zeros(len(names)), table, np.full(len(names), n)])
    return np.diff(cuts, axis=1) / n
def psi():
    row = pl.scan_parquet(paths[0]).select(exprs).collect().row(0)
    edges = np.array(row)
    p, q = (below(path, edges) for path in paths)
    return ((p - q) * np.log(p / q)).sum(1)
assert len(timed(psi)) == 50
"""
)
PSI_FEATURE_ENGINE = (
    TIMED
    + """
import pandas as pd
from feature_engine.selection import DropHighPSIFeatures
a, b = (pd.read_parquet("{data}/" + n + "{kind}.parquet") for n in ("reference", "current"))
def psi():
    frame = pd.concat([a.assign(part=0), b.assign(part=1)], ignore_index=True)
    return DropHighPSIFeatures(split_col="part", cut_off=0, bins=10).fit(frame).psi_values_
assert len(timed(psi)) == 50
"""
)
PSI_EVIDENTLY = (
    TIMED
    + """
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
a, b = (pd.read_parquet("{data}/" + n + "{kind}.parquet") for n in ("reference", "current"))
timed(lambda: Report([DataDriftPreset(method="psi")]).run(b, a))
"""
)
PSI_OPTBINNING = (
    TIMED
    + """
import pandas as pd
from optbinning import BinningProcess
a, b = (pd.read_parquet("{data}/" + n + "{kind}.parquet") for n in ("reference", "current"))
import numpy as np
y = np.zeros(len(a), int); y[::2] = 1
timed(lambda: BinningProcess(list(a.columns), max_n_bins=10).fit(a, y))
"""
)

LOANS = """
import pandas as pd
frame = pd.read_parquet("{data}/loans.parquet")
y = frame.pop("target")
"""
WOE_OURS = (
    TIMED
    + LOANS
    + """
import infometric as im
from infometric import WeightOfEvidence, InformationValue
def fit():
    woe = im.WeightOfEvidence().fit(frame, y)
    table = woe.estimate()
    iv = im.InformationValue(bins=woe.encoders_)
    return woe, iv.fit(frame, y).estimate()
woe, iv = timed(fit)
assert len(iv) == 25
"""
)
WOE_OURS_PATH = (
    TIMED
    + """
import infometric as im
from infometric import WeightOfEvidence, InformationValue
from infometric.sources import parquet
path = "{data}/loans.parquet"
def fit():
    woe = im.WeightOfEvidence().fit(path, "target")
    table = woe.estimate()
    iv = im.InformationValue(bins=woe.encoders_)
    return woe, iv.fit(path, "target").estimate()
woe, iv = timed(fit)
assert len(iv) == 25
"""
)
WOE_OPTBINNING = (
    TIMED
    + LOANS
    + """
from optbinning import BinningProcess
names = list(frame.columns)
text = [n for n in names if n.startswith("c")]
model = timed(lambda: BinningProcess(names, categorical_variables=text).fit(frame, y))
assert len(model.summary()) == 25
"""
)
WOE_FASTWOE = (
    TIMED
    + LOANS
    + """
from fastwoe import FastWoe
model = timed(lambda: FastWoe(binning_method="kbins", binner_kwargs={"n_bins": 10}).fit(frame, y))
"""
)
CLI = "import sys; from infometric.report.cli import main; sys.exit(main({arguments}))"
COUNTS_OURS = (
    TIMED
    + """
import infometric as im
from infometric.sources import parquet
path = "{data}/long.parquet"
model = im.PSI()
fitted = timed(lambda: model.fit(path))
assert fitted.state_["f0"].table.sum() == parquet.pq.read_metadata(path).num_rows
"""
)
COUNTS_DUCKDB = (
    TIMED
    + """
import duckdb
edges = [-1.2816, -.8416, -.5244, -.2533, 0, .2533, .5244, .8416, 1.2816]
con = duckdb.connect(config={"memory_limit": "1GB"})
def cell(i):
    cases = " ".join(f"WHEN f{i} < {e} THEN {k}" for k, e in enumerate(edges))
    return f"CASE {cases} ELSE 9 END AS k{i}"
cells = ", ".join(map(cell, range(10)))
keys = ", ".join(f"k{i}" for i in range(10))
sets = ", ".join(f"(k{i})" for i in range(10))
query = (
    f"SELECT {keys}, count(*) FROM (SELECT {cells} FROM '" + "{data}" + f"/long.parquet') "
    f"GROUP BY GROUPING SETS ({sets})"
)
assert len(timed(lambda: con.execute(query).fetchall())) == 100
"""
)
COUNTS_POLARS = (
    TIMED
    + """
import polars as pl
edges = [-1.2816, -.8416, -.5244, -.2533, 0, .2533, .5244, .8416, 1.2816]
exprs = [(pl.col(f"f{c}") < e).sum().alias(f"{c}/{i}")
         for c in range(10) for i, e in enumerate(edges)]
long = pl.scan_parquet("{data}/long.parquet").select(exprs)
timed(lambda: long.collect(engine="streaming"))
"""
)

LEVELS = """
import numpy as np
X = np.load("{data}/levels.npy")
"""
MATRIX_OURS = (
    TIMED
    + LEVELS
    + """
import infometric as im
matrix = im.mutual_information_matrix
def run():
    return matrix(X, engine="{engine}")
found = timed(run)
assert len(found) == 4950 and (found.pvalue[0, 1:] <= 1).all()
"""
)
# one pair after another: some of the 4950, and the time of all by proportion
SOME_PAIRS = """
import itertools, json, time, warnings
warnings.simplefilter("ignore")
every = list(itertools.combinations(range(X.shape[1]), 2))
some = every[:: len(every) // {pairs}][:{pairs}]
columns = [np.ascontiguousarray(X[:, k]).astype(int) for k in range(X.shape[1])]
information(columns[0][:1000], columns[1][:1000])
start = time.process_time()
for i, j in some:
    information(columns[i], columns[j])
cpu = (time.process_time() - start) * len(every) / len(some)
print(json.dumps({"cpu": cpu}))
"""


def by_pairs(imports: str, pairs: int) -> str:
    """Job of a peer that knows one pair of columns at a time."""
    return LEVELS + imports + SOME_PAIRS.replace("{pairs}", str(pairs))


MATRIX_SKLEARN = by_pairs("from sklearn.metrics import mutual_info_score as information\n", 20)
MATRIX_INFOMEASURE = by_pairs(
    "import infomeasure\n"
    "def information(x, y): return infomeasure.mutual_information(x, y, approach='discrete')\n",
    20,
)
MATRIX_PYITLIB = by_pairs(
    "from pyitlib import discrete_random_variable as drv\n"
    "def information(x, y): return drv.information_mutual(x, y, cartesian_product=False)\n",
    5,
)

# one column, one pair: data made in the process, one call before the clock starts
PAIR = """
import warnings
warnings.simplefilter("ignore")
import numpy as np
rng = np.random.default_rng(5)
x = rng.integers(0, 8, 1_000_000, dtype=np.uint8)
y = ((x + rng.integers(0, 3, x.size, dtype=np.uint8)) % 8).astype(np.uint8)
"""
CALL = """
call(x[:1000], y[:1000])
value = timed(lambda: call(x, y))
"""


def of_column(body: str) -> str:
    """Job of a program on one column or one pair; `body` defines ``call(x, y)``."""
    return TIMED + PAIR + body + CALL


ENTROPY_OURS = of_column("""
import infometric as im
def call(x, y): return im.entropy(x)
""")
ENTROPY_BINCOUNT = of_column("""
def call(x, y):
    p = np.bincount(x) / x.size
    p = p[p > 0]
    return -(p * np.log(p)).sum()
""")
ENTROPY_SKLEARN = of_column("""
from sklearn.metrics.cluster import entropy
def call(x, y): return entropy(x)
""")
ENTROPY_INFOMEASURE = of_column("""
import infomeasure
def call(x, y): return infomeasure.entropy(x, approach="discrete")
""")
ENTROPY_PYITLIB = of_column("""
from pyitlib import discrete_random_variable as drv
x = x.astype(int)
def call(x, y): return drv.entropy(x)
""")
ENTROPY_DIT = of_column("""
import dit
x = x.astype(int).tolist()
def call(x, y): return dit.shannon.entropy(dit.inference.distribution_from_data(x, 1))
""")
MI_OURS = of_column("""
import infometric as im
def call(x, y): return im.mutual_information(x, y)
""")
MI_SKLEARN = of_column("""
from sklearn.metrics import mutual_info_score
def call(x, y): return mutual_info_score(x, y)
""")
MI_INFOMEASURE = of_column("""
import infomeasure
x, y = x.astype(int), y.astype(int)
def call(x, y): return infomeasure.mutual_information(x, y, approach="discrete")
""")
MI_PYITLIB = of_column("""
from pyitlib import discrete_random_variable as drv
x, y = x.astype(int), y.astype(int)
def call(x, y): return drv.information_mutual(x, y, cartesian_product=False)
""")
MI_DIT = of_column("""
import dit
x, y = x.astype(int).tolist(), y.astype(int).tolist()
def call(x, y):
    pairs = list(zip(x, y))
    law = dit.inference.distribution_from_data(pairs, 1)
    return dit.shannon.mutual_information(law, [0], [1])
""")

# twenty thousand records of Zipf's law on ten thousand cells
COUNTED = """
import warnings
warnings.simplefilter("ignore")
import logging
logging.disable(logging.CRITICAL)
import numpy as np
p = 1 / np.arange(1, 10_001)
counts = np.random.default_rng(0).multinomial(20_000, p / p.sum())
sample = np.repeat(np.arange(p.size), counts)
"""
ESTIMATORS_OURS = (
    TIMED
    + COUNTED
    + """
import infometric as im
from infometric.functional.shannon import BIAS
state = im.Counts.from_counts(counts)
names = [name for name in BIAS if name != "auto"]
def call(state, size):
    return [im.entropy(state, bias=name, alphabet_size=size).value for name in names]
call(im.Counts.from_counts([4, 2, 3, 1, 1]), 11)
values = timed(lambda: call(state, p.size))
assert len(values) == 20 and all(map(np.isfinite, values))
"""
)
ESTIMATORS_INFOMEASURE = (
    TIMED
    + COUNTED
    + """
import infomeasure
names = {"discrete": {}, "miller_madow": {}, "grassberger": {}, "zhang": {}, "chao_shen": {},
         "chao_wang_jost": {}, "bonachela": {}, "shrink": {}, "ansb": {},
         "bayes": {"alpha": 0.5, "K": p.size}}
def call(sample):
    return [infomeasure.entropy(sample, approach=n, **o) for n, o in names.items()]
call(sample[::40])
timed(lambda: call(sample))
"""
)
# the counts of the first page of ndd; with more cells infomeasure 0.6.3 gives NaN
NSB = """
counts = np.array([4, 12, 4, 5, 3, 1, 5, 1, 2, 2, 2, 2, 11, 3, 4, 12, 12, 1, 2])
# twenty samples that differ, so that no memo of an earlier one helps
tables = [counts + (np.arange(19) == 3) * k for k in range(21)]
samples = [np.repeat(np.arange(19), table) for table in tables]
"""
NSB_OURS = (
    TIMED
    + COUNTED
    + NSB
    + """
import infometric as im
states = [im.Counts.from_counts(table) for table in tables]
def call(some):
    return [im.entropy(state, bias="nsb", alphabet_size=100) for state in some]
call(states[20:])
found = timed(lambda: call(states[:20]))
assert abs(found[0].value - 2.8060969161) < 1e-6
"""
)
NSB_INFOMEASURE = (
    TIMED
    + COUNTED
    + NSB
    + """
import infomeasure
def call(some): return [infomeasure.entropy(x, approach="nsb", K=100) for x in some]
call(samples[20:])
timed(lambda: call(samples[:20]))
"""
)

# estimators by nearest neighbours: other rows each turn; what is compiled or loaded at a first call
# is there before the clock starts, and short calls are repeated for half a second
OFTEN = """
import json, logging, resource, statistics, time, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import numpy as np
rng = np.random.default_rng([5, {turn}])
n, d = {n}, {d}
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
def timed_often(call, before):
    cpu, wall = [], []
    while not cpu or (sum(cpu) < 0.5 and len(cpu) < 50):
        start, clock = time.process_time(), time.perf_counter()
        value = call()
        cpu.append(time.process_time() - start)
        wall.append(time.perf_counter() - clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"cpu": statistics.median(cpu), "wall": statistics.median(wall)}
    print(json.dumps(found | {"grown": peak - before, "value": float(value)}))
"""
CORRELATED = """
x = rng.standard_normal((n, d))
y = 0.6 * x + 0.8 * rng.standard_normal((n, d))
if d == 1: x, y = x[:, 0], y[:, 0]
"""
SHIFTED = """
x, y = rng.standard_normal((n, d)), rng.standard_normal((n, d)) + 0.5
"""
WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None  # as if it were not installed
"""
WITH_NUMBA = """
import infometric.state._search_numba
"""
OURS_NEAR = """
import infometric as im
from infometric import Sample
from infometric.functional.neighbor_information import KSG1
from infometric.functional.neighbor_divergence import WangKulkarniVerdu, WeightedKullbackLeibler
"""
FULL = """
call(x[:20_000], y[:20_000])
before = resident()
call(x, y)
timed_often(lambda: call(x, y), before)
"""
PART = """
call(x[:1000], y[:1000])
timed_often(lambda: call(x, y), resident())
"""


def of_neighbors(call: str, *, data: str = CORRELATED, numba: bool = True) -> str:
    """Job of ours, from `call`, an expression of x and y."""
    start = WITH_NUMBA if numba else WITHOUT_NUMBA
    return start + OFTEN + data + OURS_NEAR + f"def call(x, y): return {call}\n" + FULL


def peer_of_neighbors(module: str, call: str, *, data: str = CORRELATED) -> str:
    """Job of a peer, which is warm after a thousand rows."""
    return OFTEN + data + f"import {module}\ndef call(x, y): return {call}\n" + PART


KSG = "KSG1(n_neighbors=3).value(Sample.of(x, y))"
KSG_THREADS = "KSG1(n_neighbors=3, n_jobs=2).value(Sample.of(x, y))"
KSG_FUNCTION = "im.mutual_information(x, y, estimator='ksg1', method='none').value"
KSG_INTERVAL = "im.mutual_information(x, y, rng=0).value"
KSG_SKLEARN = peer_of_neighbors(
    "sklearn.feature_selection",
    "sklearn.feature_selection.mutual_info_regression(x[:, None], y, n_neighbors=3)[0]",
)
KSG_ENNEMI = peer_of_neighbors("ennemi", "ennemi.estimate_mi(y, x, k=3, max_threads=1)[0, 0]")
KSG_NPEET = peer_of_neighbors("npeet_plus", "npeet_plus.mi(x, y, k=3, base=np.e)")
KSG_INFOMEASURE = peer_of_neighbors(
    "infomeasure", "infomeasure.mutual_information(x, y, approach='ksg', k=3)"
)
KL = "WeightedKullbackLeibler().value(Sample.of_groups([x], [y]))"
KL_PLAIN = "WangKulkarniVerdu(3).value(Sample.of_groups([x], [y]))"
KL_NPEET = peer_of_neighbors("npeet_plus", "npeet_plus.kldiv(x, y, k=3, base=np.e)", data=SHIFTED)
KL_INFOMEASURE = peer_of_neighbors(
    "infomeasure", "infomeasure.kld(x, y, approach='metric', k=3)", data=SHIFTED
)


def psi_task(key: str, kind: str, what: str, *, slow: bool) -> Task:
    """PSI of two files; the slow peers once are enough."""
    ours_and_polars = (
        Contestant(
            "infometric",
            PSI_OURS,
            does="edges from a sample, counts, intervals, p-values, verdicts",
        ),
        Contestant("polars, given edges", PSI_POLARS_EDGES, "polars", "counts alone"),
    )
    others = (
        Contestant("polars, quantiles", PSI_POLARS_QUANTILES, "polars", "exact edges and counts"),
        Contestant("feature-engine", PSI_FEATURE_ENGINE, "feature_engine", "PSI values"),
        Contestant("evidently", PSI_EVIDENTLY, "evidently", "PSI values, drift report"),
        Contestant("optbinning", PSI_OPTBINNING, "optbinning", "bins of the reference alone"),
    )
    return Task(
        key,
        f"PSI of 1e6 rows x 50 columns x 2 files{what}, with intervals and p-values",
        ours_and_polars + (others if slow else ()),
        "0.8 CPU-s where polars with given edges takes 0.71 (ratio 1.13)",
        0.8,
        values={"kind": kind},
    )


KSG_PEERS = (
    Contestant("scikit-learn", KSG_SKLEARN, "sklearn", "value, k = 3"),
    Contestant("npeet-plus", KSG_NPEET, "npeet_plus", "value, k = 3"),
    Contestant("ennemi", KSG_ENNEMI, "ennemi", "value, k = 3"),
    Contestant("infomeasure", KSG_INFOMEASURE, "infomeasure", "value, k = 3"),
)
WITHOUT = "infometric, numpy alone"
FUNCTION = "infometric, function"
FUNCTION_WITHOUT = "infometric, function, numpy alone"


def ksg_task(n: str, d: int, share: float) -> Task:
    """KSG1 of n rows of normal variables of d dimensions each; few peers know vectors."""
    rows = int(float(n))
    ours = [
        Contestant("infometric", of_neighbors(KSG), does="value, k = 3, of a `Sample`"),
        Contestant(WITHOUT, of_neighbors(KSG, numba=False), does="the same"),
        Contestant(FUNCTION, of_neighbors(KSG_FUNCTION), does="value, k = 3, of arrays"),
        Contestant(
            FUNCTION_WITHOUT, of_neighbors(KSG_FUNCTION, numba=False), does="the same"
        ),
    ]  # fmt: skip
    if d == 1 and rows <= 10_000:
        ours.append(
            Contestant(
                "infometric, interval", of_neighbors(KSG_INTERVAL), does="value, interval, p-value"
            )
        )
    peers = [c for c in KSG_PEERS if d == 1 or c.needs in ("npeet_plus", "infomeasure")]
    if rows > 100_000:
        peers.remove(KSG_PEERS[3])
    bar = {"infometric": share, FUNCTION: share} | ({WITHOUT: 0.5} if d == 1 else {})
    large = rows >= 1_000_000
    aim = f"1/{round(1 / share)} of the fastest peer with numba"
    aim += (", 1/2 without" if d == 1 else "") + (", 150 MB above the start" if large else "")
    return Task(
        f"ksg-{n}" if d == 1 else f"ksg-{n}-{d}",
        f"Mutual information by KSG1, k = 3, of {n} rows of {d} + {d} normal columns, rho = 0.6",
        (*ours, *peers),
        aim,
        float("inf"),
        values={"n": str(rows), "d": str(d)},
        shares=bar,
        grown_mb=150 if large else float("inf"),
    )


NEIGHBORS = (
    *(ksg_task(n, 1, 1 / 5) for n in ("1e3", "1e4", "1e5")),
    ksg_task("1e6", 1, 1 / 10),
    Task(
        "ksg-threads",
        "Mutual information by KSG1, k = 3, of 1e6 rows of 1 + 1 normal columns, wall seconds",
        (
            Contestant("infometric", of_neighbors(KSG_THREADS), does="value, 2 threads"),
            Contestant("infometric, 1 thread", of_neighbors(KSG), does="value"),
            Contestant("scikit-learn", KSG_SKLEARN, "sklearn", "value"),
        ),
        "",
        float("inf"),
        wall=True,
        values={"n": "1000000", "d": "1"},
    ),
    ksg_task("1e4", 5, 1 / 3),
    ksg_task("1e4", 25, 1 / 10),
    Task(
        "kl",
        "Kullback-Leibler divergence of 1e5 and 1e5 normal rows in 5 dimensions, shifted by 0.5",
        (
            Contestant("infometric", of_neighbors(KL, data=SHIFTED), does="5 neighbours, weighted"),
            Contestant(
                WITHOUT, of_neighbors(KL, data=SHIFTED, numba=False), does="5 neighbours, weighted"
            ),
            Contestant(
                "infometric, k = 3", of_neighbors(KL_PLAIN, data=SHIFTED), does="third neighbour"
            ),
            Contestant("npeet-plus", KL_NPEET, "npeet_plus", "third neighbour"),
            Contestant("infomeasure", KL_INFOMEASURE, "infomeasure", "third neighbour"),
        ),
        "1/4 of the fastest peer, 2 % of bias",
        float("inf"),
        values={"n": "100000", "d": "5"},
        shares={"infometric": 1 / 4},
        truth=0.625,
        percent=2,
    ),
)


TASKS = (
    psi_task("psi", "", "", slow=True),
    psi_task("psi-plain", "-plain", " without dictionary encoding", slow=False),
    Task(
        "woe",
        "WoE and IV of 1e6 rows x (20 numeric + 5 categorical), from a frame in memory",
        (
            Contestant("infometric", WOE_OURS, does="bins, WoE with errors, IV with intervals"),
            Contestant("infometric, from the file", WOE_OURS_PATH, does="the same, and reading"),
            Contestant("optbinning", WOE_OPTBINNING, "optbinning", "optimal bins, WoE, IV"),
            Contestant("fastwoe", WOE_FASTWOE, "fastwoe", "bins, WoE with errors"),
        ),
        "1.6 CPU-s",
        1.6,
    ),
    *CREDIT,
    Task(
        "counts",
        "Edges and counts of 2e7 rows x 10 float32 columns of a file",
        (
            Contestant("infometric", COUNTS_OURS, does="edges from a sample, counts"),
            Contestant("duckdb, given edges", COUNTS_DUCKDB, "duckdb", "counts alone, limit 1 GB"),
            Contestant("polars, given edges", COUNTS_POLARS, "polars", "counts alone"),
        ),
        "4 CPU-s and 300 MB",
        4.0,
        limit_mb=300,
    ),
    Task(
        "matrix",
        "Mutual information of all 4950 pairs of 1e6 rows x 100 columns of 2 to 8 levels",
        (
            Contestant(
                "infometric",
                MATRIX_OURS.replace("{engine}", "numba"),
                does="values, intervals, p-values, with the start of numba",
            ),
            Contestant(
                "infometric, numpy alone",
                MATRIX_OURS.replace("{engine}", "numpy"),
                does="the same",
            ),
            Contestant(
                "scikit-learn", MATRIX_SKLEARN, "sklearn", "values, 20 pairs scaled to 4950"
            ),
            Contestant(
                "infomeasure", MATRIX_INFOMEASURE, "infomeasure", "values, 20 pairs scaled to 4950"
            ),
            Contestant("pyitlib", MATRIX_PYITLIB, "pyitlib", "values, 5 pairs scaled to 4950"),
        ),
        "6 CPU-s",
        6.0,
    ),
    Task(
        "entropy",
        "Entropy of a column of 1e6 rows, 8 levels in uint8",
        (
            Contestant("infometric", ENTROPY_OURS, does="value, interval"),
            Contestant("numpy bincount", ENTROPY_BINCOUNT, "numpy", "value, for cells from zero"),
            Contestant("scikit-learn", ENTROPY_SKLEARN, "sklearn", "value"),
            Contestant("infomeasure", ENTROPY_INFOMEASURE, "infomeasure", "value"),
            Contestant("pyitlib", ENTROPY_PYITLIB, "pyitlib", "value"),
            Contestant("dit", ENTROPY_DIT, "dit", "value, from a list"),
        ),
        "20 ms of CPU",
        0.02,
        repeats=7,
    ),
    Task(
        "estimators",
        "Twenty estimators of entropy from 2e4 records in 1e4 cells",
        (
            Contestant("infometric", ESTIMATORS_OURS, does="20 estimators with intervals"),
            Contestant(
                "infomeasure", ESTIMATORS_INFOMEASURE, "infomeasure", "10 estimators, values"
            ),
        ),
        "0.2 CPU-s",
        0.2,
    ),
    Task(
        "mi",
        "Mutual information of a pair of columns of 1e6 rows x 8 levels",
        (
            Contestant("infometric", MI_OURS, does="value, interval, p-value"),
            Contestant("scikit-learn", MI_SKLEARN, "sklearn", "value"),
            Contestant("infomeasure", MI_INFOMEASURE, "infomeasure", "value"),
            Contestant("pyitlib", MI_PYITLIB, "pyitlib", "value"),
            Contestant("dit", MI_DIT, "dit", "value, from lists"),
        ),
        "50 ms of CPU",
        0.05,
        repeats=7,
    ),
    Task(
        "nsb",
        "NSB entropy of twenty samples of 88 to 107 records in 100 cells; the first is 2.8061",
        (
            Contestant("infometric", NSB_OURS, does="2.8061, credible interval"),
            Contestant("infomeasure", NSB_INFOMEASURE, "infomeasure", "2.8148"),
        ),
        "0.2 CPU-s",
        0.2,
    ),
    *NEIGHBORS,
    Task(
        "import",
        "import in a fresh interpreter, wall seconds",
        (
            Contestant("infometric", "import infometric", does="the package"),
            Contestant("numpy", "import numpy", does="numpy, the same interpreter"),
            Contestant("first use", "import infometric; infometric.psi", does="the first function"),
        ),
        "50 ms above numpy",
        0.05,
        beyond="numpy",
        wall=True,
        repeats=20,
    ),
    Task(
        "version",
        "infometric --version, wall seconds",
        (Contestant("infometric", CLI.replace("{arguments}", '["--version"]')),),
        "",
        float("inf"),
        wall=True,
    ),
    Task(
        "demo",
        "infometric demo, wall seconds",
        (Contestant("infometric", CLI.replace("{arguments}", '["demo"]'), does="report in HTML"),),
        "10 s",
        10.0,
        wall=True,
    ),
)


def missing(python: str, module: str) -> str:
    """Why a peer cannot run; nothing where it can."""
    code = (
        f"try: import {module}\n"
        f"except ModuleNotFoundError as e: print('not installed' if e.name == {module!r} else e)"
    )
    done = subprocess.run([python, "-W", "ignore", "-c", code], capture_output=True, text=True)
    return (done.stdout + (done.stderr if done.returncode else "")).strip()[-120:]


def measure(python: str, code: str) -> dict[str, float]:
    """CPU seconds, wall seconds and peak resident megabytes of one process, and what it prints."""
    temporary = tempfile.TemporaryFile
    with temporary("w+") as out, temporary("w+") as err, tempfile.TemporaryDirectory() as folder:
        command = [python, "-W", "ignore", "-c", code]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            raise RuntimeError(err.read()[-2000:])
        out.seek(0)
        inner = [json.loads(line) for line in out if line.startswith('{"cpu"')]
    process = usage.ru_utime + usage.ru_stime
    whole = {"cpu": process, "process": process, "wall": wall, "mb": usage.ru_maxrss / 1024}
    return whole | (inner[-1] if inner else {})


def filled(code: str, values: dict[str, str]) -> str:
    """Code with the values in place of {data} and {kind}."""
    for name, value in values.items():
        code = code.replace("{" + name + "}", value)
    return code


def summary(task: Task, runs: list[dict[str, float]], ours: float) -> dict[str, Any]:
    """Figures of a row: medians, and how `ours` compares."""
    seconds = [r["wall" if task.wall else "cpu"] for r in runs]
    row: dict[str, Any] = {
        "median": statistics.median(seconds), "least": min(seconds),
        "process": statistics.median(r["process"] for r in runs),
        "mb": statistics.median(r["mb"] for r in runs), "runs": len(seconds),
        "ratio": ours / statistics.median(seconds),
    }  # fmt: skip
    if task.grown_mb < float("inf"):
        row["grown"] = statistics.median(r["grown"] for r in runs)
    if task.truth is not None:
        row["value"] = statistics.fmean(r["value"] for r in runs)
        row["percent"] = 100 * (row["value"] / task.truth - 1)
    return row


def run_task(task: Task, repeats: int, peer_python: str) -> dict[str, Any]:
    runs: dict[str, list[dict[str, float]]] = {c.name: [] for c in task.contestants}
    notes: dict[str, str] = {}
    values = {"data": str(DATA), "kind": ""} | task.values
    for turn in range(max(repeats, task.repeats)):
        values["turn"] = str(turn)
        for c in task.contestants:
            python = peer_python if c.peer else sys.executable
            if c.name in notes:
                continue
            if turn == 0 and c.peer and (why := missing(python, c.needs)):
                notes[c.name] = why
                continue
            try:
                runs[c.name].append(measure(python, filled(c.code, values)))
            except RuntimeError as error:
                notes[c.name] = "failed: " + str(error).strip().splitlines()[-1][:120]
                continue
            if runs[c.name][-1]["cpu"] > LONG:
                notes[c.name] = "one run"
    what = "wall" if task.wall else "cpu"
    ours = statistics.median(r[what] for r in runs["infometric"])
    rows = []
    for c in task.contestants:
        row: dict[str, Any] = {"name": c.name, "does": c.does, "note": notes.get(c.name, "")}
        if runs[c.name]:
            row |= summary(task, runs[c.name], ours)
        rows.append(row)
        print(task.key, {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
    ran = {PACKAGES.get(c.needs, c.needs) for c in task.contestants if c.peer and runs[c.name]}
    packages = (*sorted(ran), "pandas") if ran else ()
    return {
        "key": task.key, "title": task.title, "target": task.target, "rows": rows,
        "verdict": verdict(task, rows), "peers": versions(peer_python, packages),
    }  # fmt: skip


def verdict(task: Task, rows: list[dict[str, Any]]) -> str:
    """Whether our median is within the target."""
    by = {r["name"]: r for r in rows if "median" in r}
    ours = by["infometric"]["median"] - (by[task.beyond]["median"] if task.beyond else 0)
    if not task.target:
        return ""
    if task.shares:
        return verdict_beside(task, by)
    met = ours <= task.limit and by["infometric"]["mb"] <= task.limit_mb
    return f"{'met' if met else 'missed'} ({in_seconds(ours)} s)"


def verdict_beside(task: Task, by: dict[str, dict[str, Any]]) -> str:
    """Whether our medians are within their shares of the fastest peer's."""
    peers = [by[c.name]["median"] for c in task.contestants if c.peer and c.name in by]
    if not peers:
        return "no peer ran"
    said = []
    for name, most in task.shares.items():
        if name not in by:
            said.append(f"{name} failed and missed")
            continue
        share = by[name]["median"] / min(peers)
        said.append(f"{name} {share:.2g}" + ("" if share <= most else " missed"))
    if task.grown_mb < float("inf"):
        grown = by["infometric"]["grown"]
        said.append(f"{grown:.0f} MB" + ("" if grown <= task.grown_mb else " missed"))
    if task.truth is not None:
        percent = by["infometric"]["percent"]
        said.append(f"{percent:+.1f} %" + ("" if abs(percent) <= task.percent else " missed"))
    missed = any(part.endswith("missed") for part in said)
    return ("missed" if missed else "met") + f" ({'; '.join(said)})"


def in_seconds(value: float) -> str:
    """Two digits after the point, or two that count."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def listed(facts: dict[str, Any]) -> str:
    """Names and values in one line."""
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def markdown(found: list[dict[str, Any]], about: dict[str, Any]) -> str:
    lines = [listed(about) + ".", ""]
    for task in found:
        aim = f"; target {task['target']}: {task['verdict']}" if task["target"] else ""
        lines += [f"**{task['title']}**{aim}.", ""]
        lines += [
            "| program | does | median s | least s | process s | peak MB | infometric / it | |"
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for r in task["rows"]:
            if "median" not in r:
                lines.append(f"| {r['name']} | {r['does']} | | | | | | {r['note']} |")
                continue
            ratio = f"{r['ratio']:.2f}" if r["ratio"] >= 0.1 else f"{r['ratio']:.1g}"
            note = [r["note"]] if r["note"] else []
            if "percent" in r:
                note.append(f"value {r['value']:.3f}, {r['percent']:+.1f} %")
            memory = f"{r['mb']:.0f}" + (f" (+{r['grown']:.0f})" if "grown" in r else "")
            lines.append(
                f"| {r['name']} | {r['does']} | {in_seconds(r['median'])} | "
                f"{in_seconds(r['least'])} | "
                f"{r['process']:.2f} | {memory} | {ratio} | {', '.join(note)} |"
            )
        lines.append("")
        if task["peers"]:
            lines += [f"Peers: {listed(task['peers'])}.", ""]
        if "machine" in task:
            lines += [f"On another machine: {listed(task['machine'])}.", ""]
    return "\n".join(lines)


VERSIONS = """
import importlib.metadata as m, json
found = {}
for name in {names}:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))
"""
OURS = ("infometric", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "numba")
PACKAGES = {
    "sklearn": "scikit-learn", "feature_engine": "feature-engine", "npeet_plus": "npeet-plus"
}  # of modules  # fmt: skip


def versions(python: str, names: tuple[str, ...]) -> dict[str, str]:
    """Versions of what is installed beside an interpreter."""
    code = VERSIONS.replace("{names}", repr(names))
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def machine() -> dict[str, Any]:
    """Facts about the machine, no names."""
    info, model = Path("/proc/cpuinfo"), "unknown"
    if info.exists():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = models[0].split(":")[1].strip() if models else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    about = {"CPU": model, "cores": os.cpu_count(), "GB of memory": round(memory)}
    return about | {"Python": platform.python_version()} | versions(sys.executable, OURS)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory beside the peers.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--only", nargs="*", choices=[t.key for t in TASKS], default=None)
    options = parser.parse_args()
    subprocess.run([sys.executable, str(HERE / "make_data.py")], check=True)
    about = machine()  # before the long part
    chosen = [t for t in TASKS if options.only is None or t.key in options.only]
    found = [run_task(t, options.repeats, options.peer_python) for t in chosen]
    write_results(found, about)


def write_results(found: list[dict[str, Any]], about: dict[str, Any]) -> None:
    """Write the results; tasks that did not run keep what they gave, and on which machine."""
    path = OUT / "benchmarks.json"
    saved = json.loads(path.read_text()) if path.exists() else {"machine": about, "tasks": []}
    main_one = about if len(found) == len(TASKS) else saved["machine"]
    if about != main_one:
        found = [task | {"machine": about} for task in found]
    by_key = {task["key"]: task for task in [*saved["tasks"], *found]}
    tasks = [by_key[task.key] for task in TASKS if task.key in by_key]
    OUT.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": main_one, "tasks": tasks}, indent=1) + "\n")
    (OUT / "benchmarks.inc").write_text(markdown(tasks, main_one))


if __name__ == "__main__":
    main()
