"""Where images come from, one file a source. ``registry`` names them all."""
