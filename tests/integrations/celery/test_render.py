"""Messages: Celery's own, with the occurrence's id and headers, and nothing of the user changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from celery import Task, chain, chord, group
from celery.beat import BeatLazyFunc
from kombu import Connection

from periodic import Entry, EntryError, Occurrence, interval
from periodic.integrations.celery.render import Renderer

FIRE = datetime(2026, 3, 8, 7, tzinfo=UTC)
OCCURRENCE = Occurrence("shop", "x", FIRE)


@pytest.fixture
def publish(app, sent):
    """Publish one occurrence of an entry as the beat would; return the messages."""

    def publish(task="shop.add", args=(1,), kwargs=None, **options):
        app.finalize()
        entry = Entry(
            name="x",
            task=task,
            schedule=interval(60),
            args=args,
            kwargs=kwargs or {},
            options=options,
        )
        with Connection("memory://") as connection, connection.Producer() as producer:
            Renderer(app)(entry, OCCURRENCE).publish(producer)
        return sent(options.get("queue", "celery"))

    return publish


def test_the_message_is_celerys_with_the_occurrence_in_it(publish):
    """Id and headers name the occurrence; the rest is a task message like any other."""
    [message] = publish(kwargs={"b": 2})
    headers = message.headers
    assert headers["id"] == headers["root_id"] == OCCURRENCE.id
    assert headers["task"] == "shop.add"
    assert headers["celery_beat_task"] is True
    assert {key: headers[key] for key in OCCURRENCE.headers} == OCCURRENCE.headers
    assert message.payload[:2] == [[1], {"b": 2}]


def test_sending_twice_is_the_same_message(publish):
    """A retry carries the same id, so that a second copy can be told."""
    [first], [second] = publish(), publish()
    assert first.headers["id"] == second.headers["id"]


def test_a_users_headers_are_kept_and_not_changed(publish):
    """Celery adds its mark to the user's dict; here the dict stays as it was."""
    given = {"mine": 1}
    [message] = publish(headers=given)
    assert message.headers["mine"] == 1
    assert given == {"mine": 1}


def test_options_are_celerys(publish):
    """Queue, priority and the like go to `apply_async`."""
    [message] = publish(queue="other", priority=3)
    assert message.properties["priority"] == 3


def test_an_id_among_the_options_does_not_win(publish):
    """A fixed task id would be the same for every occurrence."""
    [message] = publish(task_id="mine")
    assert message.headers["id"] == OCCURRENCE.id


@pytest.mark.parametrize("expires", [60, timedelta(minutes=1)])
def test_expires_counts_from_the_dispatch(publish, expires):
    """Seconds and a timedelta are relative to each dispatch."""
    [message] = publish(expires=expires)
    left = datetime.fromisoformat(message.headers["expires"]) - datetime.now(UTC)
    assert timedelta(seconds=50) < left < timedelta(seconds=61)


def test_expires_as_a_datetime_is_that_instant(publish):
    """An instant stays that instant."""
    at = datetime(2099, 1, 1, tzinfo=UTC)
    [message] = publish(expires=at)
    assert datetime.fromisoformat(message.headers["expires"]) == at


def test_lazy_arguments_are_made_for_each_message_at_any_depth(publish):
    """A `BeatLazyFunc` is called for each occurrence, wherever it stands."""
    counter = iter(range(9))
    args = (BeatLazyFunc(lambda: next(counter)),)
    kwargs = {"b": {"deep": [(BeatLazyFunc(lambda: next(counter)),)]}}
    [first], [second] = publish(args=args, kwargs=kwargs), publish(args=args, kwargs=kwargs)
    assert first.payload[:2] == [[0], {"b": {"deep": [[1]]}}]
    assert second.payload[:2] == [[2], {"b": {"deep": [[3]]}}]


def test_a_lazy_argument_that_fails_is_the_entrys_own_trouble(publish):
    """An OSError of the user's function is not mistaken for a broker that is away."""

    def fail():
        raise ConnectionResetError("planted")

    with pytest.raises(EntryError, match=r"a BeatLazyFunc .* raised ConnectionResetError: planted"):
        publish(args=(BeatLazyFunc(fail),))


def test_an_unregistered_task_is_sent_by_name(publish):
    """Tasks of another code base are sent all the same."""
    [message] = publish(task="elsewhere.work", args=("a",))
    assert message.headers["task"] == "elsewhere.work"
    assert message.headers["id"] == OCCURRENCE.id


def test_a_tasks_own_apply_async_is_used(app, publish):
    """A task class may change how it is sent."""

    class Loud(Task):
        def apply_async(self, args=None, kwargs=None, **options):
            return super().apply_async([*args, "loud"], kwargs, **options)

    @app.task(name="shop.shout", base=Loud, shared=False)
    def shout(*words):
        return words

    [message] = publish(task="shop.shout", args=("hi",))
    assert message.payload[0] == ["hi", "loud"]


def test_the_adapters_producer_is_used(app):
    """Nothing is sent beside the adapter."""
    app.finalize()
    entry = Entry(name="x", task="shop.add", schedule=interval(60), args=(1,))
    published = []

    class Producer:
        connection = Connection("memory://")
        serializer = None

        def publish(self, body, **options):
            published.append(options)

    Renderer(app)(entry, OCCURRENCE).publish(Producer())
    [options] = published
    assert options["retry"] is False


class TestCanvas:
    """Chains, groups and chords run, with ids that follow from the occurrence."""

    @pytest.fixture
    def signature_entry(self, app):
        """Keep a signature as `add_periodic_task` does."""

        def entry(signature):
            app.finalize()
            name = app.add_periodic_task(60, signature, name="x")
            return app.conf.beat_schedule[name]

        return entry

    def test_a_chain(self, app, publish, signature_entry):
        """The first step has the occurrence's id, the next ones follow, all know the root."""
        add = app.tasks["shop.add"]
        given = signature_entry(chain(add.s(1), add.s(2), add.s(3)))
        [first] = publish(task=given["task"], args=given["args"], kwargs=given["kwargs"])
        [again] = publish(task=given["task"], args=given["args"], kwargs=given["kwargs"])
        assert first.headers["id"] == first.headers["root_id"] == OCCURRENCE.id
        steps, same = first.payload[2]["chain"], again.payload[2]["chain"]
        ids = {step["options"]["task_id"] for step in steps}
        assert len(ids | {OCCURRENCE.id}) == 3
        assert ids == {step["options"]["task_id"] for step in same}
        assert all(
            OCCURRENCE.headers.items() <= step["options"]["headers"].items() for step in steps
        )

    def test_a_group(self, app, publish, signature_entry):
        """Each member is a message, the first with the occurrence's id."""
        add = app.tasks["shop.add"]
        given = signature_entry(group(add.s(1), add.s(2)))
        messages = publish(task=given["task"], args=given["args"], kwargs=given["kwargs"])
        assert messages[0].headers["id"] == OCCURRENCE.id
        assert len({message.headers["id"] for message in messages}) == 2
        assert {message.headers["root_id"] for message in messages} == {OCCURRENCE.id}

    def test_a_chord(self, app, publish, signature_entry):
        """The header's tasks are sent; the body waits for them."""
        app.conf.result_backend = "cache+memory://"
        add = app.tasks["shop.add"]
        given = signature_entry(chord([add.s(1), add.s(2)], add.s(3)))
        messages = publish(task=given["task"], args=given["args"], kwargs=given["kwargs"])
        tasks = [message.headers["task"] for message in messages]
        assert tasks.count("shop.add") == 2
        assert OCCURRENCE.id in {message.headers["id"] for message in messages}

    def test_the_signature_is_not_used_up(self, app, publish, signature_entry):
        """The user's signature keeps no id of any occurrence."""
        add = app.tasks["shop.add"]
        given = signature_entry(chain(add.s(1), add.s(2)))
        publish(task=given["task"], args=given["args"], kwargs=given["kwargs"])
        assert all("task_id" not in step.options for step in given["kwargs"]["tasks"])


def test_an_eager_app_runs_the_task_here(app, publish):
    """`task_always_eager` means what it means everywhere: nothing is sent."""
    ran = []

    @app.task(name="shop.ran", bind=True, shared=False)
    def task(self):
        ran.append(self.request.id)

    app.conf.task_always_eager = True
    assert publish(task="shop.ran", args=()) == []
    assert ran == [OCCURRENCE.id]
