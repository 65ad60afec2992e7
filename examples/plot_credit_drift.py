"""
Has the card portfolio drifted?
===============================

30,000 card clients were observed every month from April to September 2005. Which characteristics
moved, and is the movement more than noise?
"""

# %%
# One row per client and month; April is the reference.

import matplotlib.pyplot as plt

import infometric as im
from infometric.datasets import load_credit_card_months
from infometric.report.plots import cells

months = load_credit_card_months()
april = months[months["month"] == "2005-04"].drop(columns="month")
later = months[months["month"] > "2005-04"]
drift = im.psi(april, later, by="month")
print(drift.summary())

# %%
# Every number has an interval. The dashed lines are the customary limits: they are shown beside
# the interval, never instead of it.

drift.plot()
plt.show()

# %%
# With 30,000 records a side even a PSI of 0.001 is significant. Significance is not the question
# of stability: the verdict asks whether the upper bound lies below the limit.

for name in ("PAY @ 2005-09", "BILL_AMT @ 2005-09", "PAY_AMT @ 2005-09"):
    found = drift[name].diagnostics
    print(f"{name}: {found['verdict']}, upper bound {found['upper_bound']:.3f}")

# %%
# Where did the payments move? The share of clients by April's deciles:

cells(drift["PAY_AMT @ 2005-09"])
plt.show()
