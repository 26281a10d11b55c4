"""Simulated annotators that work through real HTTP like a browser does: for demos, experiments and load tests."""
