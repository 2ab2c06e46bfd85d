"""Field table of the Ignition 2 specs."""
