"""Field tables of Butane: a base that all variants share, what variants add, and what they refuse."""
