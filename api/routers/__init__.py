"""Thin endpoints: parse, one operation, reply."""
