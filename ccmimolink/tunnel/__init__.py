"""The way to the upstream through a proxy."""
