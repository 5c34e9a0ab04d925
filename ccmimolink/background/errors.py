"""What can stand in the way of a service.

Owns the errors that a person is told in a sentence. It must not know how they are printed.
"""

from __future__ import annotations


class ServiceError(Exception):
    """It was not done. The message says what stands in the way, and the way out."""


class UsageRefused(Exception):
    """The call or the settings cannot be used. The message repeats no value that may be a key."""
