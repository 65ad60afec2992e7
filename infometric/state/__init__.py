"""States: what is kept of the data, as commutative monoids."""
