"""
Bins: what the optimum keeps, and what choosing costs
=====================================================

Credit limits of 30,000 card clients, binned with the target of default. How much information do few
bins keep, and how much of what they seem to say is there on other rows?
"""

# %%
# Fine cells are counted once; bins are the coarsening of them with the largest information value
# that keeps the order of the default rates.

import warnings

import matplotlib.pyplot as plt
import numpy as np

import infometric as im
from infometric.datasets import load_credit_card

warnings.simplefilter("ignore", im.exceptions.InfometricWarning)
cards = load_credit_card()
x, y = cards["LIMIT_BAL"], cards["default.payment.next.month"]
binning = im.OptimalBinning(max_bins=5).fit(x, y)
table = binning.table("LIMIT_BAL")
print(table[["bin", "count", "event_rate", "woe", "se"]].round(3))

# %%
# Evidence of each bin with its interval. The rates fall from bin to bin because that was asked for.

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
at = np.arange(len(table))
ax.errorbar(at, table["woe"], [table["woe"] - table["ci_low"], table["ci_high"] - table["woe"]],
            fmt="o", capsize=4)  # fmt: skip
ax.axhline(0, color="0.6", linewidth=1)
ax.set_xticks(at, table["bin"], rotation=15)
ax.set_ylabel("weight of evidence, nats")
ax.set_xlabel("credit limit")
plt.show()

# %%
# Few clients make the difference plain. Two hundred samples of 1,000: the value on the rows that
# chose the bins, the cross-fitted value, and the value of the same bins on all other clients.

rng = np.random.default_rng(0)
seen = {"rows that chose the bins": [], "cross-fitted": [], "all other clients": []}
for _ in range(200):
    rows = rng.permutation(len(x))
    few, rest = rows[:1000], rows[1000:]
    chosen = im.InformationValue(bins=im.OptimalBinning(), random_state=rng)
    chosen.fit(x.iloc[few], y.iloc[few])
    frozen = im.InformationValue(bins=chosen.encoders_)
    seen["rows that chose the bins"].append(frozen.fit(x.iloc[few], y.iloc[few]).score(
        x.iloc[few], y.iloc[few]))  # fmt: skip
    seen["cross-fitted"].append(chosen.estimate().value)
    seen["all other clients"].append(frozen.fit(x.iloc[rest], y.iloc[rest]).estimate().value)
for name, values in seen.items():
    print(f"{name:25s} mean {np.mean(values):.3f}")

# %%
# Only the first is optimistic.

figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
ax.boxplot(list(seen.values()), orientation="horizontal", tick_labels=list(seen))
ax.set_xlabel("information value, nats")
plt.show()
