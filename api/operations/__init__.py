"""The verbs of Winnow: no HTTP, no vendor."""
