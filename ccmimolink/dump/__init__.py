"""The debug dump: each request with all that was sent and answered for it, in files for a bug report.

Owns the recording of a request from both its sides, what is masked in it, and the files. It must not change
what passes, nor end a request that cannot be written. Where it is off, nothing of it is in the way.
"""
