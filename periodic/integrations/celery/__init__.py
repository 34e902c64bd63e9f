"""Celery: a drop-in scheduler for `celery beat`, and the pieces it is made of."""

from .convert import to_schedule as to_schedule
from .current import current_occurrence as current_occurrence
from .embedded import Embedded as Embedded
from .entries import Loaded as Loaded
from .entries import load_entries as load_entries
from .guard import install as _install_guard
from .live import schedules_of as schedules_of
from .making import make_beat as make_beat
from .scheduler import BeatScheduler as BeatScheduler
from .settings import Settings as Settings
from .worker_guard import close_guard as close_guard
from .worker_guard import guard_worker as guard_worker
from .worker_guard import install as _install_worker_guard

_install_guard()
_install_worker_guard()
