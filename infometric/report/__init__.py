"""Reports, plots and the command line: doors to results."""
