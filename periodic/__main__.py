"""`python -m periodic`: the command line, also of a copy below another package."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main(prog=f"python -m {__package__}"))
