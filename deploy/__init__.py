"""How Winnow runs: the command line, the local database, the processes on one machine."""
