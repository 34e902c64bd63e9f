"""See a schedule before it runs: the real beats, planners and claims, on clocks that leap."""

from .faults import ClockStep as ClockStep
from .faults import Fault as Fault
from .faults import Kill as Kill
from .faults import Moment as Moment
from .faults import Outage as Outage
from .faults import random_faults as random_faults
from .happenings import Happening as Happening
from .happenings import How as How
from .happenings import Missed as Missed
from .happenings import Note as Note
from .happenings import NotSent as NotSent
from .happenings import Run as Run
from .happenings import Skipped as Skipped
from .happenings import Summary as Summary
from .listing import Listed as Listed
from .listing import runs as runs
from .plan import Execute as Execute
from .simulate import Simulation as Simulation
from .simulate import simulate as simulate
from .spread import Offset as Offset
from .spread import Spread as Spread
from .spread import spread as spread
from .timeline import Timeline as Timeline
from .timeline import day_frame as day_frame
from .timeline import night_frame as night_frame
from .timeline import timeline_of as timeline_of
