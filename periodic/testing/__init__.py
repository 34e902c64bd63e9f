"""For users' own tests: what fires when, a beat that runs what is due at once, runs as text."""

from .beat import Execute as Execute
from .beat import Fired as Fired
from .beat import TestBeat as TestBeat
from .expected import Moment as Moment
from .expected import assert_fires as assert_fires
from .expected import moment as moment
from .expected import runs_text as runs_text
