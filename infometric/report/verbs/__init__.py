"""Commands of one field each; a module registers its own on the app of `commands`."""

MODULES: tuple[str, ...] = (
    "binning",
    "fairness",
    "monitoring",
    "neural",
    "representation",
    "scoring",
)
