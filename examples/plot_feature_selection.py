"""
Which measurements tell a malignant tumour?
===========================================

Thirty measurements of 569 biopsies. Which of them say anything about the diagnosis, how much, and
which say nothing that chance could not? A score without an interval cannot tell the last two apart.
"""

# %%
# The diagnosis is a class, the measurements are numbers; some are heavily skewed. Mutual
# information takes any dependence, and the estimator does not know of skewness: it sees ranks.
# Where a value still moves with the sample size the result has no interval, and a warning, which is
# left out here.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import infometric as im
from infometric.exceptions import ReliabilityWarning

warnings.simplefilter("ignore", ReliabilityWarning)
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
scores = im.score_features(X, y, units="bits", rng=0)
print(scores.to_frame()[["value", "ci_low", "ci_high", "pvalue_bh"]].head(6).round(3))

# %%
# All thirty with their intervals. Those whose false discovery rate is below five percent are blue.
# The diagnosis itself has .95 bits, which no measurement can exceed.

adjusted = np.array(scores.adjusted["pvalue_bh"])
figure, axis = plt.subplots(figsize=(7, 7), layout="constrained")
for row, (result, p) in enumerate(zip(scores.values(), adjusted, strict=True)):
    colour = "tab:blue" if p < 0.05 else "tab:orange"
    axis.plot(result.ci, [row, row], color=colour, linewidth=2.5, solid_capstyle="round")
    axis.plot(result.value, row, "o", color=colour, markersize=4)
axis.set_yticks(range(len(scores)), list(scores), fontsize=8)
axis.invert_yaxis()
axis.set_xlabel("mutual information with the diagnosis, bits")
axis.spines[["top", "right", "left"]].set_visible(False)
print([name for name, p in zip(scores, adjusted, strict=True) if p >= 0.05])

# %%
# The function is a score of scikit-learn's selectors as it stands. Within a cross-validation the
# measurements are chosen anew for each training part, as they must be. Values alone are enough
# there, and need a hundredth of the time.


def score(X, y):
    return im.score_features(X, y, method="none")


for k in (1, 3, 8, 30):
    model = make_pipeline(SelectKBest(score, k=k), StandardScaler(), LogisticRegression())
    print(f"{k:>2} measurements: {cross_val_score(model, X, y).mean():.3f} correct")

# %%
# The best scores repeat each other: radius, perimeter and area are one thing. What does a second
# add, given the first? The radius is nearly a function of the perimeter, and there the value still
# moves with the sample size: the result has no interval.

first = X["worst perimeter"]
for name in ("worst radius", "worst concave points", "worst smoothness"):
    alone = im.mutual_information(X[name], y, units="bits", rng=0)
    added = im.conditional_mutual_information(X[name], y, first, units="bits", rng=0)
    print(f"{name:>22}: alone {alone.value:.2f} bits; given the perimeter: {added}")
