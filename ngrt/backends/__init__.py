"""One file a backend: frame sources, policies and pads. Opened by `ngrt.app`, late, so that none is a dependency."""
