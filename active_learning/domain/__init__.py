"""The words of Winnow as frozen types, one file a word."""
