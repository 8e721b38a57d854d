"""The engine: pure functions from what happened to what to do. No clock, ids, database, network or log."""
