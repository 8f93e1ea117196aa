"""The arcade's policy, trained from scratch: ``python -m export.arcade --out arcade.pt``.

`data` makes the game's states and the expert's plans, `setup` the model, `train` the weights, `evaluate` the score.
"""
