"""The operator's working hours, as the settings have them."""

from zoneinfo import ZoneInfo

from app.domain.working_time import WorkingCalendar, parse_week
from app.settings import Settings


def calendar_of(settings: Settings) -> WorkingCalendar:
    return WorkingCalendar(
        parse_week(settings.working_hours), frozenset(settings.holidays), ZoneInfo(settings.timezone)
    )
