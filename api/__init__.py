"""State and HTTP: settings, store, operations, routers."""
