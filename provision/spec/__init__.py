"""The cluster spec: from a YAML file in git to a checked `Cluster`, with a place for every finding."""
