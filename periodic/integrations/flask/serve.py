"""Web, worker and beat in one process, and the parent that restarts that process on a change."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, is_running_from_reloader, make_server, run_simple

from ...clock import SystemClock, Wake
from ...errors import PeriodicError
from ..celery import Embedded

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from celery import Celery

logger: logging.Logger = logging.getLogger(__name__)

#: How long worker and beat have to stop, in seconds; then the process ends all the same.
STOP_TIMEOUT = 2.0
#: How long a serving child has to stop before its parent kills it, in seconds.
_CHILD_TIMEOUT = STOP_TIMEOUT + 3.0
#: Seconds between two looks whether worker and beat still live.
_LOOK = 1.0
#: The exit status by which a child of the reloader asks to be started again.
_RELOAD = 3

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(wake: Wake) -> Generator[Wake]:
    """Let Ctrl-C and SIGTERM set `wake`, instead of raising at whatever line runs just then.

    Args:
        wake: set by each of the signals.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        wake.set()

    before = {each: signal.signal(each, stop) for each in _STOP_SIGNALS}
    try:
        yield wake
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Serving:
    """Web, worker and beat, running in threads of this process between `start` and `stop`.

    Args:
        application: what the web server serves; None for worker and beat alone.
        celery: whose tasks and entries run.
        host: the web server's address.
        port: the web server's port; 0 takes a free one, see `port` after `start`.
        concurrency: how many tasks run at once.
    """

    def __init__(
        self,
        application: WSGIApplication | None,
        celery: Celery,
        *,
        host: str = "127.0.0.1",
        port: int = 5000,
        concurrency: int = 4,
    ) -> None:
        self.host: str = host
        self.port: int = port
        self.embedded: Embedded = Embedded(celery, concurrency=concurrency)
        self._application = application
        self.web: bool = application is not None
        self._server: BaseWSGIServer | None = None
        self._web: threading.Thread | None = None

    def start(self) -> None:
        """Bind the port, then start worker, beat and web."""
        if self._application is not None:
            # Bound first: a port that is taken must not leave a worker behind.
            self._server = make_server(self.host, self.port, self._application, threaded=True)
            self.port = self._server.port
        self.embedded.start()
        if self._server is not None:
            self._web = threading.Thread(
                target=self._server.serve_forever, name="periodic-web", daemon=True
            )
            self._web.start()

    def stop(self) -> bool:
        """Stop web, beat and worker; what they wait for is bounded by `STOP_TIMEOUT`.

        Returns:
            Whether all of it has stopped; a task that still runs keeps its thread.
        """
        if self._server is not None:
            if self._web is not None:  # shutdown() waits for ever for a server that never served
                self._server.shutdown()
                self._web.join(STOP_TIMEOUT)
            self._server.server_close()
        return self.embedded.stop(STOP_TIMEOUT)


def serve(serving: Serving, *, announce: Callable[[Serving], None]) -> None:
    """Run until Ctrl-C or SIGTERM, then stop and end.

    Args:
        serving: not started yet.
        announce: called once everything runs.

    Raises:
        PeriodicError: worker or beat did not start, or ended by themselves.
    """
    with stop_signals(Wake()) as wake:
        try:
            serving.start()
            announce(serving)
            clock = SystemClock()
            while serving.embedded.failed is None:
                if clock.wait_until(clock.monotonic() + _LOOK, wake):
                    break
        finally:
            stopped = serving.stop()
    if serving.embedded.failed is not None:
        raise PeriodicError(f"worker or beat ended by itself: {serving.embedded.failed}")
    if not stopped:
        end_process()


def serve_reloading(
    application: WSGIApplication,
    embedded: Embedded | None,
    *,
    host: str,
    port: int,
    debugger: bool = False,
    announce: Callable[[], None] | None = None,
) -> None:
    """Be the serving child: worker and beat live as long as this process, a change ends it.

    Args:
        application: what the web server serves.
        embedded: worker and beat; None when the app could not be loaded.
        host: the web server's address.
        port: the web server's port.
        debugger: show werkzeug's debugger on errors.
        announce: called once worker and beat run.
    """
    try:
        if embedded is not None:
            embedded.start()
        if announce is not None:
            announce()
        run_simple(host, port, application, use_reloader=True, use_debugger=debugger, threaded=True)
    except KeyboardInterrupt:
        logger.debug("interrupted")
    finally:
        for each in _STOP_SIGNALS:  # the terminal and the parent may both tell us
            signal.signal(each, signal.SIG_IGN)
        stopped = embedded is None or embedded.stop(STOP_TIMEOUT)
    if not stopped:
        end_process()


def supervise(
    host: str,
    port: int,
    *,
    command: Sequence[str] | None = None,
    announce: Callable[[int], None],
) -> int:
    """Be the reloader's parent: keep the port, run the serving child, start it again on a change.

    werkzeug's own parent kills the child on Ctrl-C, which leaves worker and beat no time to stop;
    this one waits for it.

    Args:
        host: the address to bind.
        port: the port to bind.
        command: the child's command line; this process's own unless given.
        announce: called with the port that was bound.

    Returns:
        The exit status of the last child.
    """
    server = make_server(host, port, _starting, threaded=True)
    server.socket.set_inheritable(True)
    environment = {
        **os.environ,
        "WERKZEUG_RUN_MAIN": "true",
        "WERKZEUG_SERVER_FD": str(server.fileno()),
    }
    announce(server.port)
    wake = Wake()
    status = _RELOAD
    try:
        with stop_signals(wake):
            while status == _RELOAD and not wake.is_set():
                child = subprocess.Popen(  # noqa: S603  # our own command line, again
                    command or [sys.executable, *sys.orig_argv[1:]],
                    env=environment,
                    close_fds=False,
                )
                status = _wait(child, wake)
    finally:
        server.server_close()
    return 0 if wake.is_set() and status == _RELOAD else status


def is_serving_child() -> bool:
    """Tell whether this process is the one that the reloader's parent started to serve."""
    return is_running_from_reloader()


def failing(error: Exception) -> WSGIApplication:
    """Return a web application that raises `error`: an app that could not be loaded."""

    def application(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        raise error from None

    return application


def end_process() -> None:
    """End now, with status 0: interpreter shutdown would wait for tasks that still run."""
    logger.warning("tasks still ran %g s after the stop; they end with the process", STOP_TIMEOUT)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _wait(child: subprocess.Popen[Any], wake: Wake) -> int:
    """Wait for the child to end by itself, or for a stop that is then passed on to it."""
    ended = Wake()

    def watch() -> None:
        child.wait()
        ended.set()
        wake.nudge()

    clock = SystemClock()
    watcher = threading.Thread(target=watch, name="periodic-child", daemon=True)
    watcher.start()
    while not ended.is_set() and not wake.is_set():
        wake.sleep(None)
    if not ended.is_set():
        child.terminate()
        if not clock.wait_until(clock.monotonic() + _CHILD_TIMEOUT, ended):
            logger.warning("the serving process did not stop in %g s and is killed", _CHILD_TIMEOUT)
            child.kill()
    watcher.join()
    return child.returncode


def _starting(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
    # The parent binds the port but never serves; make_server asks for an application all the same.
    raise NotImplementedError
