"""The core of Winnow: values and decisions. No I/O, no clock, no environment, no global random state."""
