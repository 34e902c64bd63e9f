"""Moving in: what other packages, files and settings say of entries, as keywords of `put`.

Each reader tells of each entry what changes its meaning, or why it cannot come along.
"""
