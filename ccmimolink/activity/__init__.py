"""What the proxy does and did, as far as a person may look at it.

Owns the values that tell of requests, and the memory of the last of them. It must not hold any content of a
conversation, any key, or anything that a client or MiMo said in its own words.
"""
