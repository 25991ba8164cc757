"""The same for people, the network, keep leases, settings, and agents that die; to be read as ``idle_situations``."""

from __future__ import annotations

from pod_agent.pod.idle.raw import Kernels
from pod_wire.idle import KeepAsk
from tests.agent.idle_pod import UNKNOWN, Spell
from tests.agent.idle_situations import rest, works

PAGE = {8888: 1500.0}
HOUR_S = 3600.0

PEOPLE = {
    "a tmux user who types every ten minutes": (
        [Spell(121, terminals=2, types_every=10), rest(terminals=2)],
        150,
    ),
    "a tmux user who thinks for 25 minutes": (
        [Spell(101, terminals=1, types_every=25), rest(terminals=1)],
        130,
    ),
    "a tmux user who has gone home": (
        [Spell(1, terminals=1), Spell(1, terminals=1, types_every=9), rest(terminals=1)],
        31,
    ),
    "sessions that are only open": ([rest(terminals=3, ssh=5.0)], 15),
    "somebody logs in after ten minutes": ([Spell(10), rest(terminals=1)], 40),
    "somebody types during the job, then it ends": (
        [works(20), Spell(10, "running", terminals=1, types_every=9.5), rest(phase="finished", terminals=1)],
        59.5,
    ),
    "somebody edits in VS Code": (
        [Spell(40, ssh=600.0, programs={"node": 0.04}), rest(programs={"node": 0.02})],
        69.5,
    ),
    "a copy over ssh": ([Spell(60, ssh=4e6, network=4e6, programs={"rsync": 0.3}), rest()], 89.5),
    "requests that make the GPU work": (
        [Spell(180, asks={8000: 900.0}, asks_every=5, gpu_every=5), rest(asks={8000: 0.0})],
        205,
    ),
    "an open page that asks by itself": ([rest(asks=PAGE, asks_every=0.5)], 90),
    "a page that somebody leaves open after work": (
        [
            Spell(120, asks={8888: 4000.0}, asks_every=0.5, programs={"python": 1.0}),
            rest(asks={8888: 1500.0}, asks_every=0.5),
        ],
        209.5,
    ),
    "a connection that is only open": ([rest(asks={6006: 0.0})], 15),
    "checks of the agent's own port": ([rest(asks={8787: 300.0}, asks_every=0.5)], 15),
    "connections cannot be read": ([rest(connections=UNKNOWN)], 90),
}

NETWORK = {
    "a download only": ([Spell(90, network=2e7), rest()], 104.5),
    "a slow download": ([Spell(60, network=5e4), rest()], 74.5),
    "an upload": ([Spell(45, network=5e6), rest()], 59.5),
    "chatter": ([rest(network=3000.0)], 15),
    "the network's counters cannot be read": ([rest(network=UNKNOWN)], 75),
}

LEASES = {
    "kept for two hours": ([rest(lease=KeepAsk(2 * HOUR_S, "evaluation"))], 120),
    "kept for ten minutes": ([rest(lease=KeepAsk(600.0))], 15),
    "kept a minute before the stop": ([Spell(14), rest(lease=KeepAsk(HOUR_S))], 74),
    "kept twice": ([Spell(1, lease=KeepAsk(HOUR_S, "a")), rest(lease=KeepAsk(2 * HOUR_S, "b"))], 121),
    "kept longer, then let go": ([Spell(40, lease=KeepAsk(2 * HOUR_S)), rest(lease=KeepAsk(0.0))], 41),
    "let go early": ([Spell(3, lease=KeepAsk(2 * HOUR_S)), rest(lease=KeepAsk(0.0))], 15),
    "kept, and used beyond it": (
        [Spell(60, lease=KeepAsk(2 * HOUR_S)), Spell(91, terminals=1, types_every=10), rest(terminals=1)],
        180,
    ),
    "kept, and nothing can be read": (
        [
            rest(
                lease=KeepAsk(3 * HOUR_S),
                gpu=UNKNOWN,
                processes=UNKNOWN,
                connections=UNKNOWN,
                kernels=UNKNOWN,
            )
        ],
        180,
    ),
}

AGENTS = {
    "an agent that dies before every look": ([rest(restarts=True)], 15),
    "a tokenisation seen by many agents": (
        [Spell(60, programs={"python": 2.0}, restarts=True), rest(restarts=True)],
        89.5,
    ),
    "nobody looks for 20 minutes": ([Spell(5), Spell(20, blind=True), rest()], 55),
    "nobody ever looks": ([rest(blind=True)], 90),
    "nobody looks every other minute and a half": ([Spell(8.5), Spell(1.5, blind=True)] * 40, 98.5),
    "ssh cannot be read once in twenty minutes": ([Spell(1, connections=UNKNOWN), Spell(19)] * 20, 90.5),
    "programs cannot be read once in twenty minutes": ([Spell(1, processes=UNKNOWN), Spell(19)] * 20, 90.5),
    "two signals cannot be read in turns": (
        [Spell(1, gpu=UNKNOWN), Spell(9), Spell(1, network=UNKNOWN), Spell(9)] * 20,
        75,
    ),
    "two signals in turns, beside a page that asks": (
        [
            Spell(1, gpu=UNKNOWN, asks=PAGE, asks_every=0.5),
            Spell(9, asks=PAGE, asks_every=0.5),
            Spell(1, network=UNKNOWN, asks=PAGE, asks_every=0.5),
            Spell(24, asks=PAGE, asks_every=0.5),
        ]
        * 20,
        150,
    ),
    "a signal in turns with somebody who works": (
        [Spell(10, terminals=1, types_every=5), Spell(10, gpu=UNKNOWN, terminals=1)] * 20,
        None,
    ),
    "a lease, and the driver dies an hour before its end": (
        [Spell(1, gpu=UNKNOWN, lease=KeepAsk(4 * HOUR_S)), Spell(199), rest(gpu=UNKNOWN)],
        275,
    ),
    "everything is unknown": (
        [rest(gpu=UNKNOWN, processes=UNKNOWN, connections=UNKNOWN, kernels=UNKNOWN, network=UNKNOWN)],
        90,
    ),
    "everything is unknown while a job runs": (
        [works(300, gpu=UNKNOWN, processes=UNKNOWN, connections=UNKNOWN, kernels=UNKNOWN, network=UNKNOWN)],
        None,
    ),
}

# name: (POD_IDLE_MINUTES, spells, the minute of the stop)
SETTINGS = {
    "off": (0.0, [rest()], None),
    "off, with a dead NVML": (0.0, [rest(gpu=UNKNOWN)], None),
    "five minutes": (5.0, [rest()], 5),
    "five minutes, ten after a person": (
        5.0,
        [Spell(3, terminals=1, types_every=2.5), rest(terminals=1)],
        12.5,
    ),
    "an hour": (60.0, [rest(kernels=Kernels(1, 0))], 60),
}
