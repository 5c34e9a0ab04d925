"""``mimo-code-setup``: an installed MiMoCode (``mimo``) is given GonkaGate as a custom provider.

Owns the configuration of that one provider in MiMoCode's files, from the question for the key to the proof
that MiMoCode resolves what was written. It must not know the proxy, and must not touch anything beyond those
files.
"""
