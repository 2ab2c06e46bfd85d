"""Nothing forgotten, nothing paid for by accident: what a cluster costs, and whether its budget allows it."""
