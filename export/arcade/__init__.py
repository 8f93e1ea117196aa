"""The arcade's policy, trained from nothing: ``python -m export.arcade --out arcade.pt``.

`data` makes frames' states and the expert's plans, `setup` the model, `train` the weights, `evaluate` the score.
"""
