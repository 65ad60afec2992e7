"""
Which columns know of each other?
=================================

Before a scorecard is built, one wants to know which characteristics say the same thing. Correlation
needs numbers and straight lines; mutual information needs neither.
"""

# %%
# One call gives every pair of the 21 columns of the German credit data. Numbers are cut into five
# bins of equal count, categories stay as they are.

import warnings

import matplotlib.pyplot as plt

import infometric as im
from infometric.datasets import load_german_credit

german = load_german_credit()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # they are told below
    found = im.mutual_information_matrix(german, bins=5, units="bits")
print(found.summary())

# %%
# The map shows the value less its bias: the bare value grows with the number of levels, whether or
# not two columns have anything to do with each other.

found.plot()
plt.show()

# %%
# The strongest pairs with their intervals. The p-values are adjusted for all 210 pairs, not for the
# ten shown.

strongest = found.top(10)
strongest.plot(plt.subplots(figsize=(9, 4), layout="constrained")[1])
plt.show()

# %%
# What a reader must know of 210 pairs fits into a few lines; ``to_frame()`` says it pair by pair.

for text in found.warnings:
    print(text)

# %%
# And what do the columns say about the one that matters?

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    scores = im.score_features(german, "creditability", bins=5, units="bits")
print(scores.to_frame()[["value", "ci_low", "ci_high", "pvalue_bh"]].head(8).round(4))
