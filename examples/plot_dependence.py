"""
What does one characteristic add to another?
============================================

Of the German credit data, "property" and "housing" both tell good credit from bad, and they tell
of each other. How much of what one says about default is already in the other?
"""

# %%
# Three columns of 1,000 applicants: who owns what, how they live, and whether they paid. Some kinds
# of property hardly occur with some kinds of housing; each result warns of that, here left out.

import warnings

import matplotlib.pyplot as plt
import numpy as np

import infometric as im
from infometric.datasets import load_german_credit
from infometric.exceptions import SparseCellWarning

warnings.simplefilter("ignore", SparseCellWarning)
applicants = load_german_credit()
target = applicants["creditability"]
pair = ["property", "housing"]
print(im.mutual_information(applicants["property"], applicants["housing"], units="bits"))

# %%
# Alone, each says something about default. Given the other, each should add less, and what both
# have in common is the interaction information: positive where they repeat each other.

bits = {"units": "bits", "bias": "second_order"}
alone = {name: im.mutual_information(applicants[name], target, **bits) for name in pair}
given = {
    name: im.conditional_mutual_information(applicants[name], target, applicants[other], **bits)
    for name, other in (pair, pair[::-1])
}
both = im.mutual_information(applicants[pair], target, **bits)
common = im.interaction_information(applicants[[*pair, "creditability"]], **bits)
found = {
    "both together": both,
    "property": alone["property"],
    "property, given housing": given["property"],
    "housing": alone["housing"],
    "housing, given property": given["housing"],
    "in both": common,
}
for name, result in found.items():
    print(f"{name:>24}: {result}")

# %%
# The bias has been taken off these values. It matters: the plug-in values have property add as much
# given housing as it says alone, because the larger table has the larger bias. (What a result
# keeps for the record is in nats.)

for name in ("property", "property, given housing", "in both"):
    plug_in = found[name].diagnostics["plug_in"] / np.log(2)
    print(f"{name:>24}: {found[name].value:.4f} bits, plug-in {plug_in:.4f}")

# %%
# Is what property adds more than chance? A permutation test exchanges property within each kind of
# housing, which leaves what housing says in place. One test a question, one correction for all.

tests = im.ResultTable({
    f"{name}, given {other}": im.ConditionalMutualInformation(units="bits")
    .fit(applicants[name], target, applicants[other])
    .test(method=im.Permutation(4999), rng=1)
    for name, other in (("property", "housing"), ("housing", "property"), ("job", "housing"))
}).adjust()  # fmt: skip
print(tests.to_frame()[["value", "pvalue", "pvalue_holm"]].round(4))

# %%
# On the left the six values with their intervals. On the right 4,999 permutations beside what was
# seen, both with their bias: under the permutation they share it.

ink, line, fill = "#1c2733", "#1f6f9f", "#8fb8d3"
fig, (left, right) = plt.subplots(
    1, 2, figsize=(9.6, 3.7), width_ratios=[1.5, 1], layout="constrained", facecolor="white"
)
rows = np.arange(len(found))[::-1]
low, high = np.array([r.ci for r in found.values()]).T
left.hlines(rows, low, high, color=line, lw=2.2)
left.plot([r.value for r in found.values()], rows, "o", color=line, ms=6)
left.axvline(0, color=ink, lw=0.8)
left.set_yticks(rows, list(found))
left.set_xlabel("about default (bits)")
left.set_title("what each says, and 95 % intervals", fontsize=10)
seen = tests["property, given housing"]
right.hist(seen.replicates, bins=40, color=fill)
right.axvline(seen.value, color="#b5482e", lw=2)
right.annotate(
    f"seen: p = {seen.pvalue:.3g}", (seen.value, 0.92), xycoords=("data", "axes fraction"),
    xytext=(-6, 0), textcoords="offset points", color="#b5482e", ha="right",
)  # fmt: skip
right.set_xlabel("property, given housing (bits)")
right.set_title("permutations within each housing", fontsize=10)
right.set_yticks([])
for ax in (left, right):
    ax.set_facecolor("white")
    ax.tick_params(colors=ink)
    ax.spines[["top", "right"]].set_visible(False)
right.spines["left"].set_visible(False)
plt.show()

# %%
# All pairs at once are the business of ``mutual_information_matrix``: values, intervals and
# p-values of every pair, adjusted for their number.

matrix = im.mutual_information_matrix(applicants[[*pair, "job", "purpose", "creditability"]])
print(matrix.top(4).summary())
