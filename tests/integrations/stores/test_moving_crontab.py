"""A crontab moves in and out: its commands, zones and days, and what cron cannot say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from periodic import cron, crontab, interval

pytestmark = pytest.mark.thorough

CRONTAB = """\
# of the shop
MAILTO=ops@example.com
CRON_TZ=America/New_York
# entry: backup
30 2 * * *  cd /srv/shop && /srv/backup.sh --all >> /var/log/backup.log 2>&1
0 4 13 * fri  /srv/backup.sh 'the lot'
CRON_TZ=Europe/London
@daily  celery -A shop call shop.report --args='[7]' -k '{"style": "50\\%"}' --queue mail
*/15 2 * * *  celery call shop.nightly
TZ=Asia/Tokyo
0 9 */2 * mon  APP=shop celery call shop.nightly
"""
MAP = ("--map", "/srv/backup.sh=shop.backup")


@pytest.fixture
def backups(shop: Any) -> Any:
    """An app whose backup takes words."""

    @shop.celery.task(name="shop.backup", shared=False)
    def backup(*words: str) -> None: ...

    return shop


@pytest.fixture
def crontabs(tmp_path: Path) -> Any:
    """Writes crontabs."""

    def write(text: str) -> str:
        path = tmp_path / "crontab"
        path.write_text(text)
        return str(path)

    return write


def moved(shop: Any, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Import a crontab; return the status and what was told."""
    done = shop.run("import", "--from", "crontab", "--json", *words)
    assert done.stdout, done.output
    return done.exit_code, json.loads(done.stdout)


def test_lines_become_entries(backups: Any, crontabs: Any) -> None:
    """Each line has its task, its words, its options and the zone that is above it."""
    status, told = moved(backups, crontabs(CRONTAB), *MAP)
    found = {record.name: record.definition for record in backups.schedules.all()}

    assert 0 == status, told
    by_name = "/srv/backup.sh 'the lot'"
    assert {"backup", by_name, "shop.report", "shop.nightly", "shop.nightly (line 11)"} == set(
        found
    )
    assert ("shop.backup", ["--all"]) == (found["backup"]["task"], found["backup"]["args"])
    expected = cron("30 2 * * *", tz="America/New_York").to_dict()
    assert expected == found["backup"]["schedule"]
    assert ["the lot"] == found[by_name]["args"]
    report = found["shop.report"]
    assert ([7], {"style": "50%"}) == (report["args"], report["kwargs"])
    assert {"queue": "mail"} == report["options"]
    assert cron("@daily", tz="Europe/London").to_dict() == report["schedule"]
    assert "Asia/Tokyo" == found["shop.nightly (line 11)"]["schedule"]["tz"]


def test_what_changes_meaning_is_told(backups: Any, crontabs: Any) -> None:
    """Days by OR, a zone for the command alone, what a shell did, and a night without the hour."""
    _, told = moved(backups, crontabs(CRONTAB), "--dry-run", *MAP)
    notes = {row["entry"]: " | ".join(row["notes"]) for row in told}
    compared = {row["entry"]: row["compared"] for row in told}

    assert "'cd /srv/shop' stays behind" in notes["backup"]
    assert "'>> /var/log/backup.log 2>&1' stays behind" in notes["backup"]
    assert "MAILTO of the crontab stays behind" in notes["backup"]
    assert "OR its day of the week is enough" in notes["/srv/backup.sh 'the lot'"]
    assert "" == notes["shop.report"]
    assert "AND its day of the week must fit" in notes["shop.nightly (line 11)"]
    assert "most crons hand TZ to the command alone" in notes["shop.nightly (line 11)"]
    # British clocks leave out 01:00 to 02:00, New York's 02:00 to 03:00: no line is concerned.
    assert {"same"} == set(compared.values())
    assert 0 == backups.schedules.store.revision()


def test_nights_at_which_cron_itself_runs_otherwise_are_listed(shop: Any, crontabs: Any) -> None:
    """Cron runs no line with a star for what a gap swallows, and a fixed one once a minute."""
    text = (
        "CRON_TZ=America/New_York\n"
        "# entry: stars\n*/15 2 * * * celery call shop.nightly\n"
        "# entry: fixed\n0,30 2 * * * celery call shop.nightly\n"
    )
    _, told = moved(shop, crontabs(text))
    stars, fixed = told
    year = shop.schedules.store.clock.now()
    gap = next(
        at
        for at in (
            datetime(y, 3, d, 7, tzinfo=UTC) for y in (2026, 2027, 2028) for d in range(8, 15)
        )
        if at.weekday() == 6 and at > year
    )

    assert ["otherwise", "otherwise"] == [stars["compared"], fixed["compared"]]
    assert [gap.isoformat()] == stars["here_alone"]
    assert [] == stars["there_alone"]
    assert ([], [gap.isoformat()]) == (fixed["here_alone"], fixed["there_alone"])
    assert any("where the clock changes it runs otherwise" in note for note in stars["notes"])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("0 9 * * * /srv/other.sh", "no task is known for '/srv/other.sh'; say which with --map"),
        ("0 9 * * * /srv/backup.sh | mail ops", "needs a shell for its '|'"),
        ('0 9 * * * /srv/backup.sh "$HOME"', "needs a shell for its '$'"),
        ("0 9 * * * /srv/backup.sh *.txt", "needs a shell for its '*'"),
        ("0 9 * * * /srv/backup.sh %text", "hands text to its command after a '%'"),
        ("0 9 * * * /srv/backup.sh 'it", "is no command"),
        ("0 9 * * * celery call shop.nobody", "no task named 'shop.nobody'"),
        ("0 9 * * * celery call shop.report --args=1", "no JSON of the kind list"),
        ("0 9 * * * celery call shop.report --eta=now", "--eta"),
        ("0 9 * * * celery -b redis:// call shop.report", "`celery -b` is not understood"),
        ("0 9 * * * celery -A shop purge", "no task is known"),
        ("0 61 * * * celery call shop.nightly", "hour"),
        ("@reboot celery call shop.nightly", "@reboot"),
        ("0 9 * * *", "has no command"),
        ("CRON_TZ=Europe/Lundon", "Europe/London"),
    ],
)
def test_a_line_that_cannot_come_is_refused_by_its_number(
    backups: Any, crontabs: Any, line: str, told: str
) -> None:
    """The others come along all the same, and the status is 1."""
    text = f"# one\n{line}\n0 8 * * * celery call shop.nightly\n"
    status, rows = moved(backups, crontabs(text), *MAP)
    bad = next(row for row in rows if row["problem"])

    assert 1 == status
    assert "line 2" == bad["where"]
    assert told in bad["problem"]
    assert ["shop.nightly"] == [record.name for record in backups.schedules.all()]


def test_what_is_typed_wrongly_is_told(shop: Any, crontabs: Any) -> None:
    """An option of another source, a pair that is none, a zone that is none, a missing file."""
    path = crontabs("0 8 * * * celery call shop.nightly\n")

    assert 2 == shop.run("import", "--from", "crontab", path, "--prefix", "x").exit_code
    assert 2 == shop.run("import", path, "--map", "a=b").exit_code
    assert 1 == shop.run("import", "--from", "crontab", path, "--map", "a").exit_code
    assert 2 == shop.run("import", "--from", "crontab", path, "--tz", "Mars").exit_code
    assert 1 == shop.run("import", "--from", "crontab", path + "x").exit_code


def test_a_system_crontab_has_a_user(shop: Any, crontabs: Any) -> None:
    """Its sixth field is told, and the app's zone is read where no line names one."""
    path = crontabs("0 8 * * * root celery call shop.nightly\n")
    _, told = moved(shop, path, "--user-column")
    record = shop.schedules.get("shop.nightly")

    notes = told[0]["notes"]
    assert "the crontab names no zone: its clock is read in Europe/Berlin" in notes[0]
    assert "cron ran it as 'root'" in notes[1]
    assert "Europe/Berlin" == record.definition["schedule"]["tz"]
    again, _ = moved(shop, path, "--user-column")
    assert 0 == again


SAYABLE = {
    "nine": crontab(minute=0, hour=9, day_of_week="mon-fri", tz="Europe/London"),
    "lists": crontab(minute=[0, 30], hour=(8, 9), tz="Europe/London"),
    "every day": crontab(minute=0, hour=9, day_of_week="mon", day_of_month="1-31", tz="UTC"),
    "stars": crontab(minute="*/10", day_of_month="*/2", day_of_week="mon,tue", tz="Asia/Tokyo"),
    "either": cron("0 12 13 * fri", tz="Europe/Berlin"),
    "wrapped": cron("0 22-2 * * fri-mon", tz="Asia/Tokyo"),
    "minutes": interval(minutes=5),
    "hours": interval(hours=6, anchor=datetime(2026, 1, 1, 5, 17, tzinfo=UTC)),
    "week": interval(weeks=1, anchor=datetime(2026, 1, 7, 5, 17, tzinfo=UTC)),
    "an hour": interval(hours=1),
}


def test_what_cron_can_say_goes_out_and_comes_back(shop: Any, crontabs: Any) -> None:
    """The crontab's entries run at the same instants, with their arguments and options."""
    given = {
        name: {
            "task": "shop.report",
            "schedule": schedule,
            "args": [7],
            "kwargs": {"style": '50% "bold" it\'s'},
            "options": {"queue": "mail", "expires": 60},
        }
        for name, schedule in SAYABLE.items()
    }
    shop.schedules.put_many(given)
    before = {record.name: record for record in shop.schedules.all()}
    out = shop.run("export", "--format", "crontab", "--call", "celery -A shop call")
    shop.schedules.delete_many(before)
    status, told = moved(shop, crontabs(out.stdout))
    after = {record.name: record for record in shop.schedules.all()}

    assert 0 == out.exit_code, out.stderr
    assert 0 == status, told
    assert {"same"} == {row["compared"] for row in told}
    assert before.keys() == after.keys()
    start = shop.schedules.store.clock.now()
    for name, record in after.items():
        said = record.definition
        assert ([7], given[name]["kwargs"]) == (said["args"], said["kwargs"])
        assert given[name]["options"] == said["options"]
        came = cron.from_dict(said["schedule"])
        span = (start, start + timedelta(days=40))
        assert [*SAYABLE[name].between(*span)] == [*came.between(*span)], name


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (crontab(minute=0, hour=9, day_of_month=13, day_of_week="fri"), "OR its day of the week"),
        (crontab(minute="*", day_of_month=13, day_of_week="fri"), "OR its day of the week"),
        (crontab(minute="*/15", hour=2, tz="America/New_York"), "here alone at"),
        (crontab(minute=30, hour=2, tz="America/New_York", on_gap="skip"), "in cron alone at"),
        (cron("0 9 L * *"), "no word for the days"),
        (cron("0 9 * * fri#2"), "no word for the days"),
        (cron("*/10 * * * * *"), "no field for seconds"),
        (interval(seconds=90), "no words for"),
        (interval(minutes=7), "no words for"),
    ],
)
def test_what_cron_cannot_say_is_a_comment(shop: Any, schedule: Any, told: str) -> None:
    """With its reason, in the file and to the person, and the status is 1."""
    shop.schedules.put("job", task="shop.nightly", schedule=schedule)
    out = shop.run("export", "--format", "crontab")
    lines = out.stdout.splitlines()

    assert 1 == out.exit_code
    assert all(not line or line.startswith("#") for line in lines), out.stdout
    assert any(line.startswith("# not here: ") and told in line for line in lines), out.stdout
    assert told in out.stderr


def test_what_does_not_run_or_fit_is_a_comment(shop: Any) -> None:
    """A pause, a disabled entry, an option that `celery call` lacks; policies are told."""
    schedules = shop.schedules
    schedules.put("a", task="shop.nightly", schedule=3600)
    schedules.pause("a")
    schedules.put("b", task="shop.nightly", schedule=3600, enabled=False)
    schedules.put("c", task="shop.nightly", schedule=3600, options={"priority": 3})
    schedules.put("d", task="shop.nightly", schedule=3600, catch_up="all")
    schedules.put("e", task="shop.nightly", schedule=3600, run_on_start=True)
    schedules.set("nightly", kwargs={"days": 7})
    out = shop.run("export", "--format", "crontab")

    assert 1 == out.exit_code
    assert "a comment: a: it is paused" in out.stderr
    assert "a comment: b: it is disabled" in out.stderr
    assert "a comment: c: `celery call` has no option for priority=3" in out.stderr
    assert "# catch_up: cron makes up for nothing\n# entry: d\n" in out.stdout
    assert "# run_on_start: cron knows no first start\n# entry: e\n" in out.stdout
    # The code's entry is whole, though the store has only what is otherwise.
    assert (
        "CRON_TZ=Europe/London\n# entry: nightly\n0 3 * * * celery call shop.nightly" in out.stdout
    )
