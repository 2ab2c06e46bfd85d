"""Field tables of the Ignition 3 specs."""
