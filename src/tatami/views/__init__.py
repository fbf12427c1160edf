"""Report values to terminal, JSON and HTML."""
