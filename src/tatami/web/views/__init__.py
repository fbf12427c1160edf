"""The five views. Each module gives its ``routes(session)``; their paths begin with ``/api/NAME/``."""
