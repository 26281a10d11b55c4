"""The workers' site: pages that work without scripts, by keyboard and on a phone."""
