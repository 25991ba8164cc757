"""The last resort: stops the pod whose agent dies at every start. One round; the entrypoint calls it again.

A program of its own, run by whatever Python is found, so it imports nothing but the standard library, not even our own
package: ``python -I -S last_resort.py DEATHS SINCE CODE [the start command's words]``. Ends with 0, or with LEAVE where
there is no pod to stop. A keeper that lives within its deadline holds the pod, unless an agent was stopping it since
that keeper began. It never looks at the workspace.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn
from urllib.parse import quote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Way = tuple[str, Callable[[], object]]  # returns when somebody took the request, and raises otherwise

KEY, SECOND = "RUNPOD_API_KEY", "POD_STOP_KEY"
LEAVE, FIRST = 77, 6  # the entrypoint is told: no pod, so the container may end; it calls us after six deaths
RUNPOD_URL, USER_AGENT = "https://api.runpod.io/v2", "podkeep/0.1 (last resort)"
KERNEL = Path("/proc/sys/kernel/random/boot_id")
ENOUGH_BYTES = 1 << 20  # of an answer, of a record
ROUTE_S, HOUR_S, MINUTE_S, IDLE_MINUTES = 20.0, 3600.0, 60.0, 15.0
ACCEPTED, ENDED_ALREADY, IN_THE_WAY = range(200, 300), 409, (b"locked", b"cluster")
STOP = "mutation($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }"
WAITING = ("sleep infinity", "sleep inf", "sleep infinity & wait", "tail -f /dev/null", "/start.sh")


class Refused(Exception):
    """A route was tried and did not take the request."""


class Facts(NamedTuple):
    """What can be known without the agent. Moments of the wall clock but ``idle_s``, which is a span."""

    pod: str | None
    training_lives: bool  # or a training that somebody began by hand (`pod-agent after`)
    deadline: float | None
    has_job: bool
    keep: bool
    idle_minutes: float
    idle_s: float  # since the agent could not be kept alive any more
    now: float
    stopping: object = None  # why an agent was stopping the pod, in this boot


class Verdict(NamedTuple):
    """``stop`` and ``leave`` are never both true."""

    stop: bool
    why: str
    leave: bool = False


def decide(facts: Facts) -> Verdict:
    """What the exit policies would say, had the agent lived to apply them."""
    is_late = facts.deadline is not None and facts.now >= facts.deadline
    if facts.training_lives and not (facts.pod and (is_late or facts.stopping)):
        return Verdict(stop=False, why="the training goes on under its keeper")
    if not facts.pod:
        return Verdict(stop=False, leave=True, why="this is no RunPod pod: the container ends")
    if is_late:
        return Verdict(stop=True, why="the deadline has passed")
    if facts.stopping:
        return Verdict(stop=True, why=f"an agent was stopping it: {facts.stopping}")
    if facts.has_job and not facts.keep:
        return Verdict(stop=True, why="nothing trains here, and no agent can begin")
    what = "keep is asked for" if facts.keep else "no job is known"
    if facts.idle_minutes <= 0:
        return Verdict(stop=False, why=f"{what}, and POD_IDLE_MINUTES is 0: the pod stays, and is billed")
    left = facts.idle_minutes - facts.idle_s / MINUTE_S
    if left > 0:
        return Verdict(stop=False, why=f"{what}: the pod is stopped in {math.ceil(left)} minutes")
    return Verdict(stop=True, why=f"{what}, and {facts.idle_minutes:g} idle minutes are over")


def record(path: Path) -> object:
    """The JSON that an agent left on the container's disk; None where there is none or it cannot be read."""
    with contextlib.suppress(OSError, ValueError, RecursionError), path.open("rb") as file:
        return json.loads(file.read(ENOUGH_BYTES))
    return None


def dig(value: object, *names: str) -> object:
    """What lies in objects within objects; None where one is missing or no object."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def number(value: object) -> float | None:
    """A finite number; texts are read, truth values are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return found if math.isfinite(found := float(value)) else None
    return None


def lives(mark: Path, now: float) -> float | None:
    """Since when the process whose mark this is lives; None: it does not. A pid alone may be somebody else's by now."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid, started = mark.read_text("ascii").split()
        fields = stat(int(pid))
        return began(int(pid), now) if fields[19] == started and fields[0] not in "ZX" else None
    return None


def stat(pid: int) -> list[str]:
    """What the kernel says of a process, behind its name."""
    return Path("/proc", str(pid), "stat").read_text("utf-8", "replace").rpartition(")")[2].split()


def began(pid: int, now: float) -> float:
    """When a process began; that of PID 1 is the container's start. What cannot be read has begun now."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return now - (uptime() - int(stat(pid)[19]) / os.sysconf("SC_CLK_TCK"))
    return now


def uptime() -> float:
    return float(Path("/proc/uptime").read_text("ascii").split()[0])


def option(words: Sequence[str], name: str) -> str | None:
    """An option of ``pod-agent run``, before its ``--``."""
    own = list(words[: words.index("--")] if "--" in words else words)
    for i, word in enumerate(own):
        if word == name or word.startswith(f"{name}="):
            return word.partition("=")[2] if "=" in word else next(iter(own[i + 1 :]), None)
    return None


def moment(value: object, name: str, now: float, mono: float) -> float | None:
    """As the wall clock would read it now: by the clock that never jumps, where that is this kernel's."""
    at, then = number(dig(value, name)), number(dig(value, "mono"))
    with contextlib.suppress(OSError):
        if at is not None and then is not None and dig(value, "kernel") == KERNEL.read_text("ascii").strip():
            return now + then - mono
    return at


def deadline(disk: Path, hours: str | None, now: float, mono: float) -> float | None:
    """The first that was set; else the hours that are asked for, from the boot, else from the container's start."""
    seen, kept = record(disk / "boot.json"), record(disk / "deadline.json")
    boots, every = (dig(seen, "boot", "id"), dig(kept, "boot")), dig(kept, "every")
    if None in boots or boots[0] == boots[1]:
        those = every if isinstance(every, list) and every else [kept]
        if ats := [at for one in those if (at := moment(one, "at", now, mono)) is not None]:
            return min(ats)
    asked = number(dig(seen, "accepted", "spec", "max_hours")) or number(hours)
    if asked is None or asked <= 0:
        return None
    booted = moment(dig(seen, "boot"), "booted_at", now, mono)
    return (began(1, now) if booted is None else booted) + asked * HOUR_S


def gather(env: Mapping[str, str], words: Sequence[str], since: float, now: float) -> Facts:
    """All of it; what cannot be read is as if it were not there."""
    run_dir = Path(env.get("PODKEEP_RUN_DIR") or "/run/podkeep")
    disk = Path(env.get("PODKEEP_DISK_DIR") or "/podkeep")
    seen, was = record(disk / "boot.json"), record(disk / "stopping.json")
    spec, boot = dig(seen, "accepted", "spec"), dig(seen, "boot", "id")
    said = " ".join(words).strip().rstrip("'\";").rstrip()
    asks = bool(said) and not said.endswith(WAITING)
    asked = (
        dig(spec, f"on_{e}") or option(words, f"--on-{e}") or env.get(f"POD_ON_{e.upper()}")
        for e in ("failure", "finish")
    )
    minutes = (dig(spec, "idle_minutes"), option(words, "--idle-minutes") or env.get("POD_IDLE_MINUTES"))
    keeper, mono = lives(run_dir / "keeper.pid", now), time.monotonic()
    was_at = moment(was, "at", now, mono)  # a younger keeper's job goes on after all
    is_over = not boot or boot != dig(was, "boot") or bool(keeper and was_at and keeper > was_at)
    return Facts(
        pod=env.get("RUNPOD_POD_ID") or None,
        training_lives=keeper is not None or any(lives(mark, now) for mark in run_dir.glob("by-hand-*.pid")),
        deadline=deadline(disk, option(words, "--max-hours") or env.get("POD_MAX_HOURS"), now, mono),
        has_job=bool(spec) or asks or any(env.get(name) for name in ("POD_COMMAND", "POD_REPO", "REPO_URL")),
        keep="keep" in asked,
        idle_minutes=next((known for it in minutes if (known := number(it)) is not None), IDLE_MINUTES),
        idle_s=max(0.0, uptime() - since),
        now=now,
        stopping=None if is_over else dig(was, "because"),
    )


def ways(env: Mapping[str, str], timeout_s: float = ROUTE_S) -> tuple[Way, ...]:
    """All routes with the pod's own key, then all with the second one, where there is one."""
    return _ways(env, KEY, timeout_s) + (_ways(env, SECOND, timeout_s) if env.get(SECOND) else ())


def _ways(env: Mapping[str, str], name: str, timeout_s: float) -> tuple[Way, ...]:
    """v2's action, GraphQL, and RunPod's tool in both spellings. The key travels in a header, never in an argument."""
    pod, key, by = env.get("RUNPOD_POD_ID", ""), env.get(name, ""), "" if name == KEY else f" with {name}"
    base = (env.get("POD_RUNPOD_URL") or RUNPOD_URL).rstrip("/")
    url = f"{base}/pods/{quote(pod, safe='')}/action"

    def by_graphql() -> None:
        query = {"query": STOP, "variables": {"input": {"podId": pod}}}
        answer = send(urljoin(base, "/graphql"), query, key, timeout_s)
        if answer.get("errors") or dig(answer, "data", "podStop") is None:
            raise Refused(f"not taken: {json.dumps(answer)[:200]}")

    def by_tool(*words: str) -> Callable[[], None]:
        return lambda: call(("runpodctl", *words, pod), {**env, KEY: key}, timeout_s)

    return (
        (f"v2 stop{by}", lambda: send(url, {"action": "stop"}, key, timeout_s)),
        (f"GraphQL{by}", by_graphql),
        (f"runpodctl pod stop{by}", by_tool("pod", "stop")),
        (f"runpodctl stop pod{by}", by_tool("stop", "pod")),
    )


def send(url: str, body: object, key: str, timeout_s: float) -> Mapping[str, object]:
    """POST, and the answer's object. 409 is a pod that is ended already: taken, unless it names what is in the way."""
    if not key:
        raise Refused("there is no key")
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    made = kind(parts.hostname or "", parts.port, timeout=timeout_s)  # https: the system's certificates
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "User-Agent": USER_AGENT}
    with contextlib.closing(made) as connection:
        connection.request("POST", parts.path, json.dumps(body), headers)
        response = connection.getresponse()
        said = response.read(ENOUGH_BYTES)
    if response.status == ENDED_ALREADY and not any(word in said.lower() for word in IN_THE_WAY):
        return {}
    answer = None
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(said or b"{}")
    if response.status not in ACCEPTED or not isinstance(answer, dict):
        raise Refused(f"{response.status} {said[:200].decode('utf-8', 'replace')}")
    return answer


def call(argv: tuple[str, ...], env: Mapping[str, str], timeout_s: float) -> None:
    done = subprocess.run(argv, env=env, capture_output=True, timeout=timeout_s, check=False, input=b"")
    if done.returncode:
        words = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise Refused(f"exit code {done.returncode} {words[-200:]}")


def climb(choice: Sequence[Way], start: int, say: Callable[[str], None], patience_s: float = 25.0) -> bool:
    """The routes in turn, from another one each time, until one is taken. None may hold us, a name server neither."""
    for i in range(len(choice)):
        name, ask = choice[(start + i) % len(choice)]
        say(f"asking for the stop by {name}")  # now: once it is taken, we may be killed before the next word
        told: list[str] = []
        thread = threading.Thread(target=_ask, args=(ask, told), daemon=True)
        thread.start()
        thread.join(patience_s)
        error = (told or [f"no answer within {patience_s:g} s"])[0]
        if not error:
            say(f"{name} took the request; until we are killed we do not believe it")
            return True
        say(f"{name}: {error}")
    return False


def _ask(ask: Callable[[], object], told: list[str]) -> None:
    try:
        ask()
        told.append("")
    except Exception as error:  # noqa: BLE001 - a thread's top: whatever a route meets, the next one is tried
        told.append(" ".join(str(error).split()) or type(error).__name__)


def main() -> NoReturn:
    env = dict(os.environ)
    deaths, since, code = (number(word) for word in sys.argv[1:4])

    def say(text: str) -> None:
        for key in filter(None, (env.get(KEY), env.get(SECOND))):
            text = text.replace(key, "***")
        os.write(2, f"podkeep: LAST RESORT: {text}\n".encode("utf-8", "replace"))

    count = int(deaths or 1)
    facts = gather(env, sys.argv[4:], uptime() if since is None else since, time.time())
    verdict = decide(facts)
    say(f"the agent died {count} times, last with code {code or 0:g}; {verdict.why}")
    if verdict.stop and not climb(ways(env), count - FIRST, say):
        loud = "!" * min(count, 60)
        say(f"STOP THIS POD BY HAND, it is billed and cannot stop itself: pod {facts.pod}{loud}")
    os._exit(LEAVE if verdict.leave else 0)  # a thread that hangs in a name server is not waited for


if __name__ == "__main__":
    main()
