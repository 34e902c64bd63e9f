"""One module for each step, the first one first."""
