"""Our own plugins, one module each. ``twisted/plugins`` holds them, and they are found like anyone else's."""
