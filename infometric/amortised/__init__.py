"""Amortised estimation of mutual information: an estimator that is trained once, on many laws."""
