"""The command line: one module for each subcommand, imported when that subcommand is run."""
