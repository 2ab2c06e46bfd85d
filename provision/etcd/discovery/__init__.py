"""The private discovery service (etcd's v2 protocol) and the client for it and its kin."""
