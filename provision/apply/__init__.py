"""Carrying plans out: the engine, its retries, rates and events, and the sessions behind `up` and `down`."""
