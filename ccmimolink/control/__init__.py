"""``ccmimolink-model``: the command, the files by which it finds a running proxy, and what they remember.

Owns the way from a person's word to the running proxy, and to its next start. It must not decide what a model
can do, nor serve the endpoint: that is the web side's.
"""
