"""Taking over the route: cc switch and Codex are pointed at the proxy, and given back.

Owns what is read and written of other programs' files, and the memory of what they were before. It must not
serve requests, and must not touch anything beyond the values that make a route.
"""
