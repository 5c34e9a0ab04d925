"""The proxy as a service of the user's own: a systemd user unit, or a launchd agent.

Owns the files of that service, and the service manager's commands. It must not run the proxy itself, must not
copy a secret from the shell into a file, and needs no root.
"""
