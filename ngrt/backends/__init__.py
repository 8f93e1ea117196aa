"""One file a backend: frame sources, policies and pads. Opened by `ngrt.session.play`, late, so that none is a dependency."""
