"""The command line: options in, views out."""
