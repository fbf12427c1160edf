"""A network as a program in Python: its blocks, their parameters and the lines of its forward pass.

What the layers are called there is told by :mod:`tatami.exchange.torch` and :mod:`tatami.exchange.keras`.
"""
