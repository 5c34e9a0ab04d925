"""The pure core: bytes and values in, bytes and values out.

Nothing here imports twisted, treq or zope, reads a clock, a file or the environment, draws a random
number or writes a log. Ids and times arrive as arguments. ``tests/test_boundaries.py`` proves it.
"""
