"""The status page: what the proxy does and did, for the person who runs it.

Owns the page at ``/``, its assets, and what is sent to the windows that show it. It must not change anything,
and it shows no content of a conversation, no key, and no words of MiMo's.
"""
