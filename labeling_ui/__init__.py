"""Pages: typed contexts, templates, scripts and styles. Knows no database."""
