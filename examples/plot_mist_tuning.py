"""
A network for the laws of your own field
========================================

A cell fires more often for some directions than for others: how much does the number of its spikes
tell of the direction? The laws are known here, and a network can be trained on just these.
"""

# %%
# The generator draws tasks: a direction, uniform, and a Poisson count whose rate follows a tuning
# curve of one, two or three peaks. Each task has its own curve. The truth is a sum over counts and
# an integral over directions.

import math
import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch

import infometric as im

torch.set_num_threads(1)
warnings.simplefilter("ignore")
ANGLES, COUNTS = torch.linspace(0, 2 * math.pi, 181)[:-1], torch.arange(80.0)


def spikes(batch, n, dx, dy, rng):
    """Directions, spike counts, and their mutual information in nats."""

    def between(low, high):
        return low * (high / low) ** torch.rand(batch, 1, generator=rng)

    peak, width, base = between(2, 20), between(0.5, 8), between(0.1, 2)
    turns = torch.randint(1, 4, (batch, 1), generator=rng)
    shift = 2 * math.pi * torch.rand(batch, 1, generator=rng)

    def rate(angle):
        return base + peak * torch.exp(width * (torch.cos(turns * angle - shift) - 1))

    x = 2 * math.pi * torch.rand(batch, n, generator=rng)
    y = torch.poisson(rate(x), generator=rng)
    rates = rate(ANGLES.expand(batch, -1))[..., None]
    p = torch.exp(COUNTS * rates.log() - rates - torch.lgamma(COUNTS + 1))
    entropy = torch.special.entr(p.mean(1)).sum(1) - torch.special.entr(p).sum(2).mean(1)
    return x[..., None], y[..., None], entropy


# %%
# Training goes on from the weights of the package. What is printed last is of tasks that were held
# out: error against that of a classical estimator, and the share of the intervals that hold.

start = time.process_time()
own = im.MIST.train(spikes, tasks=1500, steps=600, rows=(30, 200), columns=(1, 1), random_state=0)
print(f"{time.process_time() - start:.0f} CPU s")
print({k: own.card[k] for k in ("mse", "anchor_mse", "coverage")})

# %%
# Two hundred new tasks of sixty trials: before and after.

x, y, truth = spikes(200, 60, 1, 1, torch.Generator().manual_seed(1))
pairs = list(zip(x.numpy(), y.numpy(), strict=True))
truth = truth.numpy()
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4.2), sharex=True, sharey=True, layout="constrained")
for ax, (title, mist) in zip(axes, {"before": im.MIST(), "after": own}.items(), strict=True):
    found = list(mist.estimate_pairs(pairs, level=0.9).values())
    value = np.array([r.value for r in found])
    low, high = np.array([[r.ci.low, r.ci.high] for r in found]).T
    error = float(np.sqrt(((value - truth) ** 2).mean()))
    inside = float(((low <= truth) & (truth <= high)).mean())
    width = float((high - low).mean())
    print(f"{title}: error {error:.3f} nats, 90 % intervals hold {inside:.2f}, width {width:.2f}")
    ax.vlines(truth, low, high, color="tab:blue", alpha=0.2)
    ax.plot(truth, value, ".", color="tab:blue")
    ax.plot([0, truth.max()], [0, truth.max()], color="grey", lw=1, ls="--")
    ax.set_title(f"{title}: error {error:.2f} nats")
    ax.set_xlabel("truth, nats")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("estimate, nats")
plt.show()

# %%
# In sixty trials the weights of the package see nothing of many a curve: points lie along zero.
# Half a minute of training more than halves the error, and the intervals, two fifths shorter, hold
# as many truths as before. Of two hundred that share has a standard error of .02.
#
# The price is that the intervals now speak of such cells alone. Of anything else ask the weights of
# the package.
