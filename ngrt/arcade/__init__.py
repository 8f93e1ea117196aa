"""The built-in game: a ship that steers, jumps and shields its way through 20 seconds of events.

Read `level` (what comes), `world` (the rules, many episodes at once), `render` (the picture), `expert` (how to play
it), `game` (the live game, which waits for nobody). Nothing but numpy.
"""
