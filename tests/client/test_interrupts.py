"""A wish to end that Python itself drops is heard all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.live import PATIENCE_S

DROPPED = """
import os, signal
from pod_client.interrupts import WaitingClock, end_as_by_ctrl_c

class Dropping:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(1000):
            pass  # the handler runs here, where nobody can be told

end_as_by_ctrl_c()
clock = WaitingClock()
Dropping()
print("still here", flush=True)
try:
    clock.sleep(600)
except KeyboardInterrupt:
    clock.sleep(0.01)
    try:
        raise ValueError
    except ValueError:
        clock.sleep(0.01)
    print("undone in peace")
clock.sleep(0.01)
print("heard once")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no HUP")
@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
def test_a_signal_amid_a_destructor_ends_the_next_wait(name):
    """Its exception is dropped by Python; the next wait raises it once, and the undoing may wait."""
    program = [sys.executable, "-c", DROPPED.format(name=name)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.stdout == "still here\nundone in peace\nheard once\n"
    assert "Exception ignored" in done.stderr


HEARD = """
import os, signal
from pod_client.interrupts import WaitingClock, end_as_by_ctrl_c

end_as_by_ctrl_c()
clock = WaitingClock()
try:
    os.kill(os.getpid(), signal.SIGTERM)
    clock.sleep(600)
except KeyboardInterrupt:
    clock.sleep(0.01)
clock.sleep(0.01)
print("undone in peace")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no TERM that can be handled")
def test_a_signal_that_was_heard_does_not_break_the_undoing():
    """While the interrupt is answered, waits are waits."""
    done = subprocess.run(
        [sys.executable, "-c", HEARD], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.stdout == "undone in peace\n"


BLOCKED = """
import signal, socket, threading
from pod_client.follow import Begin, Follower
from pod_client.stream import open_stream
from pod_wire.errors import Unreachable

listening = socket.create_server(("127.0.0.1", 0))
reading = threading.Event()

def serve():
    peer, _ = listening.accept()
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nheld\\n")
    held.append(peer)

def end():
    reading.wait(600)
    # noted by the interpreter, and the main thread's wait goes on: as when it comes a moment before that wait
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)

class Pod:
    def status_for(self, job):
        raise Unreachable("cannot reach it")

    def open_log(self, job, offset, **_):
        return open_stream(f"http://127.0.0.1:{listening.getsockname()[1]}/", None)

class Sink:
    def write(self, data):
        print(data.decode(), end="", flush=True)
        threading.Timer(0.3, reading.set).start()  # once it waits for more

    def close(self):
        print("closed")

held = []
for deed in (serve, end):
    threading.Thread(target=deed, daemon=True).start()
try:
    Follower(Pod(), "job", Sink(), print, lambda: None).run(Begin(0))
except KeyboardInterrupt:
    print("heard")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to a thread")
def test_a_signal_that_came_before_the_wait_for_the_log_ends_it():
    """A Ctrl-C that is noted and does not interrupt the reading is heard within a second, not with the next line."""
    program = [sys.executable, "-c", BLOCKED]
    done = subprocess.run(program, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.stdout == "held\nheard\n", done.stderr
