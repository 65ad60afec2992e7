"""Commands of one field each; a module registers its own on the app of `commands`."""

MODULES: tuple[str, ...] = (
    "binning",
    "fairness",
    "membership",
    "monitoring",
    "neural",
    "representation",
    "scoring",
)
