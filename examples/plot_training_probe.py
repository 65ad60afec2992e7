"""
Has the network learnt, or learnt by heart?
===========================================

The same network with the same start is trained on handwritten digits twice: with their labels, and
with the labels shuffled. Both end with hardly an error on what they were trained on. Do their
hidden layers tell which is which?
"""

# %%
# The digits of scikit-learn, 900 to train on and 897 held out. The labels of the second network
# are shuffled in both halves, so that nothing can be learnt of them but by heart (an experiment of
# Zhang et al. 2017, arXiv:1611.03530).

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

import infometric as im

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
order = rng.permutation(len(y))
X, y = (X[order] / 16).astype(np.float32), y[order]
shuffled = rng.permutation(y)
seen, held_out = slice(0, 900), slice(900, None)
torch.set_num_threads(1)


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 256), torch.nn.ReLU(),
        torch.nn.Linear(256, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 10),
    )  # fmt: skip


# %%
# A probe looks at the second hidden layer. There is one for the rows trained on and one for those
# held out; each asks what the layer tells of the labels the network was trained for. A step costs
# them nothing until their turn has come.

LAYER, MOMENTS = "3", [0, 10, 30, 100, 200, 400, 800, 1600]


def follow(labels):
    model, probes = network(), {}
    for part, rows in (("trained on", seen), ("held out", held_out)):
        probes[part] = im.TrainingProbe(
            model, LAYER, X[rows], labels[rows], max_rows=300, units="bits", rng=0
        )
    x, target = torch.from_numpy(X[seen]), torch.from_numpy(labels[seen])
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = torch.Generator().manual_seed(0)
    accuracy = {}
    for step in range(MOMENTS[-1] + 1):
        if step in MOMENTS:
            for probe in probes.values():
                probe.measure(step)
            with torch.no_grad():
                right = (model(torch.from_numpy(X)).argmax(1).numpy() == labels).astype(float)
            accuracy[step] = right[seen].mean(), right[held_out].mean()
        batch = torch.randint(len(x), (128,), generator=draw)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x[batch]), target[batch]).backward()
        optimizer.step()
    return {part: probe.history for part, probe in probes.items()}, accuracy


runs = {"true labels": follow(y), "shuffled labels": follow(shuffled)}
for name, (_, accuracy) in runs.items():
    print(f"{name}: accuracy {accuracy[1600][0]:.3f} trained on, {accuracy[1600][1]:.3f} held out")

# %%
# On the rows it was trained on, either network is right nearly always. What its hidden layer
# tells of the labels is another matter: with the true ones the classes lie apart, with shuffled
# ones each class is scattered over the layer, and the last layer picks its rows one by one. The
# intervals do not overlap. On the rows held out the layer tells nothing of shuffled labels: zero is
# what the measure gives by chance, so that the line lies on it.

COLOURS = {"true labels": "#1f6f9f", "shuffled labels": "#d9822b"}
STYLES = {"trained on": "-", "held out": "--"}
fig, axes = plt.subplots(1, 3, figsize=(10.2, 3.8), layout="constrained", facecolor="white")
for name, (histories, accuracy) in runs.items():
    for i, (part, style) in enumerate(STYLES.items()):
        look = {"color": COLOURS[name], "ls": style, "lw": 1.7, "marker": "o", "ms": 3}
        label = f"{name}, rows {part}"
        axes[0].plot(MOMENTS, [accuracy[step][i] for step in MOMENTS], label=label, **look)
        for ax, measure in zip(axes[1:], ("dsmi", "dse"), strict=True):
            table = histories[part].of(LAYER, measure).values()
            ax.plot(MOMENTS, [r.value for r in table], **look)
            low, high = np.transpose([r.ci for r in table])
            ax.fill_between(MOMENTS, low, high, color=COLOURS[name], alpha=0.22, lw=0)
for ax, title in zip(
    axes,
    (
        "accuracy",
        "what the layer tells of the label (bits)",
        "spectral entropy of the layer (bits)",
    ),
    strict=True,
):
    ax.set_title(title, fontsize=10)
    ax.set_xscale("symlog", linthresh=10)
    ax.set_xticks([0, 10, 100, 1000], labels=["0", "10", "100", "1,000"])
    ax.set_xlim(-0.5, 2000)
    ax.set_xlabel("training step")
    ax.grid(axis="y", color="#8a97a5", alpha=0.25, lw=0.6)
    ax.spines[["top", "right"]].set_visible(False)
axes[1].axhline(0, color="#1c2733", lw=0.8, zorder=1)
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# The numbers at the end. An interval is of the mean over samples of as many rows from the same
# source, for this network: another start of the training gives another network, of which it says
# nothing.

for measure in ("dsmi", "dse", "effective_rank"):
    for part in STYLES:
        true, other = (
            histories[part][MOMENTS[-1], LAYER, measure] for histories, _ in runs.values()
        )
        apart = "apart" if true.ci.low > other.ci.high or other.ci.low > true.ci.high else "overlap"
        print(
            f"{measure:>14}, {part:>10}: {true.value:6.2f} [{true.ci.low:.2f}, {true.ci.high:.2f}]"
            f" and {other.value:6.2f} [{other.ci.low:.2f}, {other.ci.high:.2f}], {apart}"
        )

# %%
# Entropy and effective rank tell the two apart as well, but only side by side: 3.3 bits or 37
# directions are not known to be many before one has seen the other network. Information about the
# label has a zero. It is not all due to training: before the first step the layer tells 0.7 bits
# of the true label, since digits of a kind look alike. Held-out accuracy says as much, where there
# are held-out labels; the layer says it on the rows trained on alone.
