"""
Five years under watch: which alarms to believe?
================================================

Twenty-three characteristics of card clients, looked at every month. In truth one of them drifts.
Tests at 5 % sound an alarm in most months; a monitor that spends its level sounds it where it
belongs.
"""

# %%
# The reference are 10,000 real clients of the card data. The months to come are drawn from the
# other 20,000 at random, so nothing shifts, but for their age: from the third year on the bank
# takes on nobody new, and with every month the clients are a month older.

import warnings

import matplotlib.pyplot as plt
import numpy as np

import infometric as im
from infometric.datasets import load_credit_card
from infometric.exceptions import SparseCellWarning

warnings.simplefilter("ignore", SparseCellWarning)
rng = np.random.default_rng(0)
cards = load_credit_card().drop(columns=["ID", "default.payment.next.month"])
cards = cards.sample(frac=1, random_state=0, ignore_index=True)
reference, others = cards[:10_000], cards[10_000:]

monitor = im.StabilityMonitor(score="AGE").fit(reference)
for t in range(1, 61):
    month = others.sample(1000, random_state=t)
    month = month.assign(AGE=month["AGE"] + np.floor(max(0, t - 24) / 12 + rng.random(1000)))
    monitor.update(month, period=f"{2021 + (t - 1) // 12}-{(t - 1) % 12 + 1:02d}")
timeline = monitor.timeline()
print(timeline.summary().splitlines()[-1])

# %%
# How often would one have cried wolf? The other characteristics are tested 60 times each.

frame = timeline.to_frame()
quiet = frame[frame["name"] != "AGE"]
single = (quiet.groupby("period")["pvalue"].min() <= 0.05).sum()
watched = (quiet.groupby("period")["pvalue_sequential"].min() <= 0.05).sum()
print(
    f"months with a false finding: {single} of 60 by tests at 5 %, {watched} where all looks count"
)

# %%
# And the drift? Age is seen to move, and gives an alarm once its shift is not shown to be small.

age = frame[frame["name"] == "AGE"]
seen, alarm = (age.loc[age[what], "period"].iloc[0] for what in ("shift_seen", "alarm"))
print(f"first seen in {seen}, first alarm in {alarm}")
timeline.plot("AGE")
plt.show()

# %%
# The evidence by month: p-values as they are, and after all looks are allowed for.

ax = plt.subplots(figsize=(7, 3.4), layout="constrained")[1]
ax.semilogy(age["period"], age["pvalue"], "o", ms=4, color="#8a97a5", label="each test alone")
ax.semilogy(age["period"], age["pvalue_sequential"], "o", ms=4, color="#1f6f9f", label="all looks")
ax.axhline(0.05, color="#d9822b", lw=1, ls="--")
ax.set_xticks(range(0, 60, 12))
ax.set_ylabel("p-value of age")
ax.legend(frameon=False)
plt.show()
