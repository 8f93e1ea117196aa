"""What a result file holds, and reading it back."""
