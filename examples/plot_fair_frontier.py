"""
How fair can this scorecard be?
===============================

Bins that separate good from bad clients separate men from women, too. How much of the first can be
kept within a budget of the second, and how well is the answer known? 30,000 card clients.
"""

# %%
# The frontier: for each budget of information on the sex of a client, the bins with the most
# information on default. Three in ten records choose no bins; all figures are theirs.

import matplotlib.pyplot as plt

import infometric as im
from infometric.datasets import load_credit_card

cards = load_credit_card().drop(columns="ID").dropna()
target = "default.payment.next.month"
columns = ["LIMIT_BAL", "EDUCATION", "MARRIAGE", "PAY_0", "PAY_2", "PAY_3", "BILL_AMT1",
           "PAY_AMT1", "PAY_AMT2", "PAY_AMT3"]  # fmt: skip
frontier = im.fair_frontier(
    cards, target, "SEX", columns=columns, categorical=["EDUCATION", "MARRIAGE"], rng=0
)
frontier.plot()
plt.show()

# %%
# Crosses are the 95 % intervals of both sums. The hollow points are the same bins on the records
# that chose them: they stay within the budgets, which is what the programme was asked for, and they
# flatter. What can be promised is the upper bound:

for point in frontier:
    (r,) = point.protected.values()
    print(
        f"performance {point.performance.value:.2f}, protected information at most "
        f"{r.diagnostics['upper_bound']:.3f}, dropped: {', '.join(point.dropped) or 'none'}"
    )

# %%
# The credit limit tells the sexes apart more than anything else does. Its bins at the third point
# and without a budget:

for i in (2, 8):
    if "LIMIT_BAL" in frontier.encoders(i):
        print(frontier.encoders(i)["LIMIT_BAL"].labels[:-1])

# %%
# The ages have budgets of their own.

both = im.fair_frontier(
    cards.drop(columns="MARRIAGE"), target, {"SEX": None, "AGE": [25, 60]},
    columns=[c for c in columns if c != "MARRIAGE"], categorical=["EDUCATION"],
    budgets=[{"SEX": s, "AGE": 8 * s} for s in (0.005, 0.01, 0.02, 0.04, 0.08)], gap=0.01, rng=0,
)  # fmt: skip
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for ax, comparison in zip(axes, both.comparisons, strict=True):
    both.plot(ax, comparison=comparison)
plt.show()
