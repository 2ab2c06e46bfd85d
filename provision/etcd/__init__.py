"""etcd from birth to old age: discovery, bootstrap modes, health, membership."""
