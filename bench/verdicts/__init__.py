"""What is concluded from results: comparisons with intervals, and budgets."""
