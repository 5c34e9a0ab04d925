"""Metrics: what the proxy did and does, as numbers for Prometheus.

Owns their names, their labels and the formats. It must not reach into the running proxy: what it shows it is
told. Every label has few values, whatever clients and MiMo say.
"""
