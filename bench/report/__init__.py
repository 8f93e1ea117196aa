"""Results made readable: tables on a terminal, pages, plots."""
