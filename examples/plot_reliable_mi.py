"""
What do six months of bills tell of six months of payments?
===========================================================

Six numbers on one side, six on the other, and no reason to think that lines say it all: who pays
in full pays what was billed, who pays the minimum pays a twentieth, who is behind pays nothing. A
trained critic can find out. Whether its number can be believed is another question, and has an
answer. First a law whose truth is known and where the answer is yes; then the bills.
"""

# %%
# Cubes of normal columns, five a side: 1.5 nats. Critics are trained on all rows but a fold, on
# halves of these and on quarters. Dots are critics, diamonds the means of those with as many rows.
# Held-out values rise with the rows, those of rows trained on fall, and a line goes through either:
# they meet where infinitely many rows would be. Every check passes, so there is an interval, and it
# holds the truth, which is dashed.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch

import infometric as im
from infometric.datasets import load_credit_card

torch.set_num_threads(1)
rng = np.random.default_rng(0)
rho = np.sqrt(1 - np.exp(-0.6))
a = rng.normal(size=(1000, 5))
b = (rho * a + np.sqrt(1 - rho**2) * rng.normal(size=(1000, 5))) ** 3
clean = im.ReliableMI(patience=15, random_state=0).fit(a, b)
print(clean.estimate())

fig, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
clean.extrapolation_.plot(ax)
ax.axhline(1.5, color="grey", lw=0.8, ls="--", zorder=0)  # the truth
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Now card clients of the bundled data, 1,500 of those who had bills and made payments.

cards = load_credit_card()
bills, payments = (
    cards[[f"{kind}_AMT{month}" for month in range(1, 7)]].to_numpy(float)
    for kind in ("BILL", "PAY")
)
active = np.flatnonzero((bills != 0).any(axis=1) & (payments != 0).any(axis=1))
rows = np.random.default_rng(0).choice(active, 1500, replace=False)
x, y = bills[rows], payments[rows]

# %%
# First what costs nothing: the information of a normal law with the ranks and correlations of
# these columns. It has no interval here, for the result sees that the law is not normal.

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    normal = im.mutual_information(x, y, rng=0)
print(normal)
print(normal.warnings[0])

# %%
# Then one critic for each of five folds. Training starts from those correlations and stops where
# the rows that decide (a part of those trained on) gain nothing more; the dots are the weights
# that are kept. The thin lines are values of the rows trained on, which rise for as long as one
# likes: a value read there says nothing.

critics = im.NeuralMI(patience=15, random_state=0).fit(x, y)
bound = critics.estimate()
print(bound)
print(bound.explain())

# %%

fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
critics.history_.plot(ax)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The interval is of the bound with these critics. How far the bound lies below the information it
# cannot tell. The protocol can, or says that it cannot.

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    protocol = im.ReliableMI(patience=15, random_state=0).fit(x, y)
    found = protocol.estimate()

fig, ax = plt.subplots(figsize=(7, 4.6), layout="constrained")
protocol.extrapolation_.plot(ax)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The verdict, with each check and what it means:

print(found)
print(protocol.extrapolation_.summary())

# %%
# Read aloud: critics find clearly less in clients they have not seen than in those trained
# on, and miss moments of the payments that are there. Nor do the means lie on the lines: values of
# rows trained on do not fall with more rows, as they should. So the point where the lines meet is a
# guess, and no interval is given. What stands is the bound above: the bills tell about that much at
# least, more than correlations see. For more than that more clients are needed, of which the data
# have 28,000; the same call with another number of rows asks them.
