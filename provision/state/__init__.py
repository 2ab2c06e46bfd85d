"""What provision remembers of a cluster: the journal of intents and outcomes, requests, recipes, and the lock."""
