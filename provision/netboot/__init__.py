"""The boot service: what machines without an operating system read from the network, and who has read it."""
