"""How operating systems take a first-boot config that comes with their initrds."""
