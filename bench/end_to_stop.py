"""From the training's end until the stop request arrives at RunPod's API, nothing left to upload.

``python bench/end_to_stop.py``. RunPod is a listener on loopback that notes when it is asked. The training writes down
the moment of its last deed. A follower is attached in half of the runs: it is let go with the rest of the log first.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from measured import RUNS, median, program, python, say, wait_until
from pod import TOKEN, Pod

RUN_S = 6.0  # long enough for HTTP to have been up, as in any real run
KEY = "a-key-for-the-bench"
RECORD = {
    "id": "bench",
    "name": "bench",
    "status": "RUNNING",
    "startedAt": "2026-01-01T00:00:00Z",
    "cost": 1.0,
}


class RunPod(ThreadingHTTPServer):
    """Says yes to everything; ``stopped_at`` is when it was first asked to stop the pod."""

    daemon_threads = True

    def __init__(self) -> None:
        self.stopped_at = 0.0
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v2"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._say(RECORD)

    def do_POST(self) -> None:
        moment = time.time()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.server.stopped_at and (b"stop" in body or self.path.endswith("/stop")):
            self.server.stopped_at = moment
        self._say(RECORD | {"status": "EXITED"})

    def _say(self, document: dict[str, object]) -> None:
        data = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


def once(*, followed: bool) -> float:
    """Seconds of one run."""
    with tempfile.TemporaryDirectory() as name:
        folder, runpod = Path(name), RunPod()
        last = folder / "last"
        command = f'echo a line; sleep {RUN_S}; echo the last line; echo "$EPOCHREALTIME" > {last}'
        more = {"RUNPOD_POD_ID": "bench", "RUNPOD_API_KEY": KEY, "POD_RUNPOD_URL": runpod.url}
        with Pod(folder, command, POD_ON_FINISH="stop", POD_ON_FAILURE="stop", **more) as pod:
            pod.start()
            wait_until("HTTP is up", pod.answers)
            if followed:
                client = python(Path(__file__).with_name("log_client.py"), pod.url, TOKEN)
                with program(client, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                    wait_until("the pod is asked to stop", lambda: bool(runpod.stopped_at), RUN_S + 20)
            else:
                wait_until("the pod is asked to stop", lambda: bool(runpod.stopped_at), RUN_S + 20)
        runpod.shutdown()
        runpod.server_close()
        return runpod.stopped_at - float(last.read_text())


def main() -> None:
    for who, followed in (("podkeep", False), ("podkeep, followed", True)):
        runs = [once(followed=followed) for _ in range(RUNS)]
        say("end_to_stop", who, seconds=round(median(runs), 3), runs=[round(seconds, 3) for seconds in runs])


if __name__ == "__main__":
    main(*sys.argv[1:])
