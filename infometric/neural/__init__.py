"""Mutual information by neural critics; needs the extra ``neural`` (torch)."""
