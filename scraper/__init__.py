"""Images in: sources, inspection, and the way into the pool."""
