"""What a policy takes and gives: its bundle, its actions, its pictures. No engine."""
