"""
Why a Wald interval of PSI fails
================================

Two samples of one population differ by chance, and their PSI is never zero. A simulation of the
intervals at no drift and at a small drift.
"""

# %%
# 4,000 pairs of samples, ten bins, 1,000 records a side. States are batched: one call evaluates all
# of them.

import matplotlib.pyplot as plt
import numpy as np

from infometric import Counts, Delta, NoncentralChi2, PaperIndependentShares
from infometric.functional.divergence import Jeffreys

rng = np.random.default_rng(1)
x = np.linspace(-1, 1, 10)
p = np.full(10, 0.1)


def coverage(tilt, strategy, draws=4000, n=1000):
    """True PSI, and the share of intervals that hold it."""
    q = np.exp(tilt * x)
    q /= q.sum()
    truth = float(((p - q) * np.log(p / q)).sum())
    tables = np.stack([rng.multinomial(n, p, draws), rng.multinomial(n, q, draws)], axis=1)
    state = Counts(tables)
    found = strategy(Jeffreys(), state, Jeffreys().value(state), level=0.95)
    return truth, float(((found.low <= truth) & (truth <= found.high)).mean())


# %%
tilts = np.concatenate([[0], np.geomspace(0.03, 0.8, 9)])
strategies = {
    "noncentral chi-square": NoncentralChi2(),
    "Wald": Delta(),
    "shares as constants": PaperIndependentShares(),
}
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for name, strategy in strategies.items():
    truth, held = np.array([coverage(t, strategy) for t in tilts]).T
    ax.plot(truth, held, "o-", ms=4, label=name)
ax.axhline(0.95, color="grey", lw=0.8, ls="--")
ax.set_xscale("symlog", linthresh=1e-3)
ax.set_xlabel("true PSI (nats)")
ax.set_ylabel("coverage of the 95 % interval")
ax.set_ylim(0, 1.02)
ax.legend(frameon=False)
plt.show()
