"""
Which entropy estimator, and from how many records?
===================================================

The plug-in entropy of a small sample is too low, because it knows nothing of what it has not seen.
How much do the others mend, on two columns of real data and on a long-tailed law?
"""

# %%
# The population is a column of 30,000 card clients: its entropy is known, and samples of it are
# drawn with replacement. Credit limits take 81 amounts, the payments of September 7,943, most of
# them once or twice. Zipf's law with 1,000 names stands beside.

import matplotlib.pyplot as plt
import numpy as np

from infometric import Counts
from infometric.datasets import load_credit_card
from infometric.functional.shannon import ShannonEntropy

cards = load_credit_card()
populations = {
    "credit limit, 81 amounts": cards["LIMIT_BAL"].value_counts().to_numpy(),
    "payment, 7,943 amounts": cards["PAY_AMT1"].value_counts().to_numpy(),
    "Zipf's law, 1,000 names": 1 / np.arange(1, 1001),
}
estimators = {
    "plug-in": ("plug_in", "#8a97a5"),
    "Miller-Madow": ("miller_madow", "#d9822b"),
    "Grassberger": ("grassberger", "#6b4f9e"),
    "Chao-Wang-Jost": ("chao_wang_jost", "#1f6f9f"),
    "NSB, alphabet known": ("nsb", "#2f8f5b"),
}
sizes = np.array([30, 60, 100, 200, 500, 1000, 2000])
rng = np.random.default_rng(3)


def errors(shares, n, draws=60):
    """Estimate less truth of every estimator, and the share of the distribution that was seen."""
    p = shares / shares.sum()
    truth = -(p * np.log(p)).sum()
    samples = [Counts(rng.multinomial(n, p)[None]) for _ in range(draws)]
    seen = np.mean([p[s.table[0] > 0].sum() for s in samples])
    return seen, {
        label: np.array([ShannonEntropy(bias, len(p)).value(s) for s in samples]) - truth
        for label, (bias, _) in estimators.items()
    }


found = {name: [errors(p, n) for n in sizes] for name, p in populations.items()}

# %%
# Above the bias, below the root mean square error. The dotted line marks where half of the
# distribution has been seen: left of it no estimator is to be trusted, and ``bias="auto"`` gives
# no interval, unless the alphabet is known.

fig, axes = plt.subplots(
    2, 3, figsize=(9.6, 5.6), sharex=True, layout="constrained", facecolor="white"
)
for (name, rows), (above, below) in zip(found.items(), axes.T, strict=True):
    seen = np.array([share for share, _ in rows])
    for label, (_, color) in estimators.items():
        error = np.array([by_name[label] for _, by_name in rows])
        above.plot(sizes, error.mean(1), "o-", ms=3.5, lw=1.6, color=color, label=label)
        below.plot(sizes, np.sqrt((error**2).mean(1)), "o-", ms=3.5, lw=1.6, color=color)
    above.axhline(0, color="#1c2733", lw=0.8)
    above.set_title(name, fontsize=10)
    below.set_xlabel("records")
    below.set_ylim(bottom=0)
    for ax, place in ((above, "bottom"), (below, "top")):
        if seen[0] < 0.5:
            half, y = np.interp(0.5, seen, sizes), {"bottom": 0.04, "top": 0.96}[place]
            ax.axvline(half, color="#1c2733", lw=0.9, ls=":")
            ax.text(half * 1.08, y, "half seen", transform=ax.get_xaxis_transform(), fontsize=8,
                    va=place, color="#1c2733")  # fmt: skip
        ax.spines[["top", "right"]].set_visible(False)
axes[0, 0].set_xscale("log")
axes[0, 0].set_xticks([30, 100, 300, 1000], labels=["30", "100", "300", "1,000"])
axes[0, 0].xaxis.set_minor_locator(plt.NullLocator())
axes[0, 0].set_ylabel("bias (nats)")
axes[1, 0].set_ylabel("root mean square error (nats)")
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5,
           frameon=False)  # fmt: skip
plt.show()

# %%
# In use there is nothing to choose: ``bias="auto"`` looks at what was seen, and the result says
# what it chose.

import infometric as im

for n in (100, 1000, 30000):
    limits = cards["LIMIT_BAL"].sample(n, random_state=1).astype(str)
    result = im.entropy(limits)
    chosen = result.diagnostics
    print(f"{chosen['bias_correction']:>14}, seen {chosen['coverage']:.3f}: {result}")
