"""Schedules: pure rules that yield instants."""

from .base import Schedule as Schedule
from .calendar_interval import calendar_interval as calendar_interval
from .calendars import Calendar as Calendar
from .calendars import dates as dates
from .calendars import weekends as weekends
from .clocked import clocked as clocked
from .cron import cron as cron
from .crontab import crontab as crontab
from .exclude import exclude as exclude
from .holiday_calendars import country_holidays as country_holidays
from .ical import ical_file as ical_file
from .interval import interval as interval
from .rrule import rrule as rrule
from .solar import solar as solar
from .union import union as union
from .window import window as window
