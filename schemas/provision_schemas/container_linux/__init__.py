"""Field tables of Container Linux Configs: the sections, the services' options by version, the platforms."""
