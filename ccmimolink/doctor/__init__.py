"""``ccmimolink-doctor``: looks at a whole set-up and names the fix for each fault.

Owns the checks, their order and how they are told. It must not change anything, neither ours nor another
program's, and must not show a key.
"""
