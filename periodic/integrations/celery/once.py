"""Of the copies of a message that a beat has sent, a worker runs one.

The guard stands around what Celery runs a task with (`Task.__trace__`), in the process and thread
where it runs: before the states, signals and hooks of the task, so a copy that does not run leaves
none. Messages that no beat sent pass by.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib import import_module
from typing import Any, NamedTuple

from celery import Celery, states
from celery.app.task import Context
from celery.exceptions import Ignore, Reject

from ...entry import HEADER_ENTRY, HEADER_FIRE_TIME
from ...run_claims import RunAnswer, RunStanding
from ...run_guard import RunGuard

logger: logging.Logger = logging.getLogger(__name__)

#: What Celery runs a task with: `(id, args, kwargs, request)`.
Trace = Callable[..., Any]

#: The mark of a trace that is guarded already.
_MARK = "guarded_by_periodic"
#: Replacements of a task keep its id; more retries than this no task has.
_MOST_RETRIES = 1_000_000
#: A copy that is put back comes a little later than the other's claim ends.
_MARGIN = timedelta(milliseconds=500)

#: Celery's own names, for which its stubs have no types.
_trace: Any = import_module("celery.app.trace")


class _Run(NamedTuple):
    """One task as a worker received it."""

    task: Any
    id: str
    args: Any
    kwargs: Any
    request: dict[str, Any]

    @property
    def attempt(self) -> int:
        """How often the task was retried; a replacement counts from its own first try."""
        nesting = self.request.get("replaced_task_nesting") or 0
        return nesting * _MOST_RETRIES + (self.request.get("retries") or 0)

    def told(self, event: str) -> dict[str, Any]:
        """Return what is logged besides the text."""
        headers = _headers(self.request)
        return {
            "event": event,
            "entry": headers.get(HEADER_ENTRY),
            "fire_time": headers.get(HEADER_FIRE_TIME),
            "task_id": self.id,
            "attempt": self.attempt,
        }


class Once:
    """The guard of one worker process, for the tasks of one app.

    Args:
        guard: claims runs.
        fanouts: names of exchanges that copy a message to every queue, on purpose.
    """

    def __init__(self, guard: RunGuard, fanouts: frozenset[str] = frozenset()) -> None:
        self.guard: RunGuard = guard
        self._fanouts = fanouts

    @classmethod
    def of(cls, app: Celery, guard: RunGuard) -> Once:
        """Return the guard for an app, which knows the app's broadcast queues."""
        queues: Any = app.amqp.queues
        exchanges = [queue.exchange for queue in queues.values() if queue.exchange is not None]
        fanouts = frozenset(each.name for each in exchanges if each.type == "fanout")
        return cls(guard, fanouts)

    def wrap_all(self, app: Celery) -> None:
        """Guard every task of an app, as this process runs them now; again does no harm."""
        for task in app.tasks.values():
            self.wrap(task)

    def wrap(self, task: Any) -> None:
        """Guard one task, if Celery has made what runs it."""
        trace: Trace | None = task.__trace__
        if trace is None or getattr(trace, _MARK, False):
            return

        def guarded(uuid: str, args: Any, kwargs: Any, request: Any = None) -> Any:
            if not request or not self._is_guarded(request):
                return trace(uuid, args, kwargs, request)
            return self._run(trace, _Run(task, uuid, args, kwargs, request))

        setattr(guarded, _MARK, True)
        task.__trace__ = guarded

    def _is_guarded(self, request: dict[str, Any]) -> bool:
        if HEADER_ENTRY not in request and HEADER_ENTRY not in _headers(request):
            return False
        delivery: Mapping[str, Any] = request.get("delivery_info") or {}
        return delivery.get("exchange") not in self._fanouts

    def _run(self, trace: Trace, run: _Run) -> Any:
        while True:
            start = self.guard.begin(
                run.id, run.attempt, repeatable=bool(getattr(run.task, "acks_late", False))
            )
            if start.answer.standing is RunStanding.WON:
                break
            if start.answer.standing is RunStanding.DONE:
                _say_duplicate(run, start.answer)
                return _nothing()
            if self._put_back(run, start.answer):
                return _nothing()
            self.guard.pause(start.answer.wait + _MARGIN)
        if start.claim is None:
            return trace(run.id, run.args, run.kwargs, run.request)
        try:
            result = trace(run.id, run.args, run.kwargs, run.request)
        except Reject as error:  # of a hook: Celery rejects the message
            (self.guard.give_back if _wants_it_back(error) else self.guard.end)(start.claim)
            raise
        except BaseException:
            self.guard.abandon(start.claim)
            raise
        (self.guard.give_back if _goes_back(result) else self.guard.end)(start.claim)
        return result

    def _put_back(self, run: _Run, answer: RunAnswer) -> bool:
        """Send a copy again, to be looked at when the other's claim has ended.

        Returns:
            Whether it was sent; else this copy is the only one that may remain.
        """
        seconds = (answer.wait + _MARGIN).total_seconds()
        try:
            context = Context(run.request, args=run.args, kwargs=run.kwargs, called_directly=False)
            run.task.signature_from_request(
                context, run.args, run.kwargs, countdown=seconds
            ).apply_async()
        except Exception as error:  # noqa: BLE001  # a worker that cannot send waits itself
            logger.warning(
                "the task %s[%s] cannot be put back, so it waits here: %s",
                *(run.task.name, run.id, error),
                extra=run.told("held-here"),
            )
            return False
        logger.info(
            "the task %s[%s] is put back for %.1f s, because %s has begun it and not finished",
            *(run.task.name, run.id, seconds, answer.owner),
            extra=run.told("held"),
        )
        return True


def _headers(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where a request has its own headers: in itself, or apart in Celery's protocol 1."""
    if HEADER_ENTRY in request:
        return request
    apart = request.get("headers")
    return apart if isinstance(apart, Mapping) else {}


def _say_duplicate(run: _Run, answer: RunAnswer) -> None:
    logger.warning(
        "the task %s[%s] is a duplicate and does not run: %s has run it, or runs it",
        *(run.task.name, run.id, answer.owner),
        extra=run.told("duplicate"),
    )


def _goes_back(result: Any) -> bool:
    """Tell whether a task has ended by asking for its message once more."""
    info = result.info
    return info is not None and info.state == states.REJECTED and _wants_it_back(info.retval)


def _wants_it_back(error: Any) -> bool:
    return bool(getattr(error, "requeue", False))


def _nothing() -> Any:
    """Return what makes Celery acknowledge a message and leave states and events alone."""
    try:
        raise Ignore("a copy of a task that runs elsewhere")  # noqa: TRY301  # it needs a traceback
    except Ignore as ignored:
        return _trace.trace_ok_t(
            _trace.ExceptionInfo(internal=True),
            _trace.TraceInfo(states.IGNORED, ignored),
            0.0,
            None,
        )
