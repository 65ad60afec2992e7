"""Sizes that the data's boundary and the training share, without torch."""

FEWEST = 10  # rows below which nothing is trained
