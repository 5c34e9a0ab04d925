"""An HTTP/1.1 client for streams of small events.

Owns connections to one upstream and the reading of answers on them. It must not know MiMo, nor what is in a
body. It is there for its cost: what arrives in one read is given in one piece, however many chunks it holds.
"""
