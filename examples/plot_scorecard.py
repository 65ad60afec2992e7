"""
A scorecard: who ranks better, and are its probabilities right?
===============================================================

Bins, logistic regression and points on 30,000 card clients, beside dummies of the same bins and
boosted stumps.
"""

# %%
# Every second client to learn from, the others to measure on. Characteristics that contradict their
# own evidence, or say nothing beyond the others, are left out.

import warnings

import matplotlib.pyplot as plt

import infometric as im
from infometric.datasets import load_credit_card

warnings.simplefilter("ignore", im.exceptions.InfometricWarning)
cards = load_credit_card().drop(columns="ID")
target = "default.payment.next.month"
train, test = cards[::2], cards[1::2]
card = im.Scorecard(select="backward").fit(train, target)
print(card.coefficients_[["coefficient", "se", "pvalue"]].round(3))

# %%
# Points of the strongest characteristic: months behind with the payment. A missing value would have
# the points of no evidence, and be announced.

points = card.table().query("characteristic == 'PAY_0'")
print(points[["bin", "count", "event_rate", "woe", "points"]].round(3))

# %%
# Points of both classes on clients the scorecard has not seen.

score = card.scores(test)
bad = test[target] == 1
figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for rows, name in ((~bad, "paid"), (bad, "default")):
    ax.hist(score[rows], bins=40, density=True, alpha=0.6, label=name)
ax.set_xlabel("score")
ax.legend(frameon=False)
plt.show()
print(card.evaluate(test, target).summary())

# %%
# Do the predicted probabilities come true? Wilson's interval of each band beside the mean
# prediction.

bands = im.calibration_bands(test[target], card.predict_proba(test)[:, 1])
expected = [r.diagnostics["expected"] for r in bands.values()]
observed = [r.value for r in bands.values()]
figure, ax = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
ax.plot([0, 0.8], [0, 0.8], color="0.7", linewidth=1)
below = [r.value - r.ci.low for r in bands.values()]
above = [r.ci.high - r.value for r in bands.values()]
ax.errorbar(expected, observed, [below, above], fmt="o", capsize=3)
ax.set_xlabel("predicted")
ax.set_ylabel("observed")
plt.show()

# %%
# Three encodings on the same records. Their areas are correlated, so their differences are known
# much better than each of them.

rivals = im.compare_encodings(train, target, test, target, rounds=100)
rivals.plot()
plt.show()
print(rivals.differences.summary())
