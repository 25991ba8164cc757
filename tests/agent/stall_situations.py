"""How a running job may be, and at which minute the stall brake acts; None: it leaves the job alone.

Each line is a script in virtual time under POD_STALL_MINUTES=60. Not here: how it is played (``stall_pod``).
"""

from __future__ import annotations

from tests.agent.stall_pod import DRIVER_SILENT, NO_GPU, RESTS, SPINS, WORKS, Spell, card, seen

LONG = 400.0


def rest(**more):
    return Spell(LONG, **more)


def trains(minutes, **more):
    return Spell(minutes, **{"cores": 1.0, "steps": True, "logs": True, "gpu": WORKS, **more})


def still(**more):
    """After it had told steps, nothing any more."""
    return Spell(LONG, steps=False, **more)


# name: (spells, the minute at which it is a stall)
STALLS = {
    "a process that sleeps": ([rest()], 60),
    "a deadlock after an hour of training": ([trains(60), still(gpu=RESTS)], 120),
    "a deadlock, and a tracker's heartbeat": ([trains(60), still(gpu=RESTS, cores=0.03)], 120),
    "ten idle workers, each with a heartbeat": ([trains(30), still(gpu=RESTS, others=0.02)], 90),
    "ranks that wait for each other: 100 % at little power, the host spins": (
        [trains(60), still(gpu=SPINS, cores=1.0)],
        120,
    ),
    "one rank of two has left, the other one spins": (
        [trains(60), still(gpu=seen(card(0.0, 60), card(1.0, 100)), cores=1.0)],
        120,
    ),
    "half an hour of silence, then it spins": (
        [trains(60), Spell(30, steps=False, gpu=RESTS), still(gpu=SPINS, cores=1.0)],
        120,
    ),
    "it hangs in a disk": ([trains(10), still(stuck=True)], 70),
    "the log's disk hangs too": ([trains(10), still(stuck=True, hung=True)], 70),
    "a GPU that fell off the bus": ([trains(60), still(gpu=seen(card(None, fault="lost")))], 120),
    "a driver that does not answer holds it one patience longer": (
        [trains(60), still(gpu=DRIVER_SILENT)],
        180,
    ),
    "a log that cannot be read holds it one patience longer": ([rest(unreadable=True)], 120),
    "slices do not tell their use": ([trains(20), still(gpu=seen(card(None)))], 80),
    "a stall after a long validation on the CPU": (
        [trains(60), Spell(90, cores=4.0, steps=False), still()],
        210,
    ),
    "an agent that was stopped for two hours in between": (
        [trains(10), Spell(30, steps=False), Spell(120, steps=False, away=True), still()],
        190,
    ),
    "a full disk was waited for in between": ([Spell(30), Spell(5, full=True), rest()], 65),
    "writes that come to next to nothing": ([rest(writes=2000.0)], 60),
    "the log's disk hangs, and the pipe is full": ([trains(10), still(hung=True, full=True)], 70),
    "a full disk that the keeper does not end": ([Spell(LONG, full=True)], 66),
    "its disk is full, then hangs": ([Spell(4, full=True), Spell(LONG, full=True, hung=True)], 64),
    "a second attempt counts anew": ([Spell(40), Spell(LONG, attempt=2)], 100),
}
ALONE = {
    "it trains": ([trains(LONG)], None),
    "silent but busy on the CPU": ([rest(cores=1.0)], None),
    "silent but busy, with the GPU at rest": ([trains(30), still(cores=0.5, gpu=RESTS)], None),
    "silent, and short-lived children compute": ([rest(cores=0.12)], None),
    "silent but busy on the GPU": ([still(gpu=WORKS)], None),
    "silent, the GPU works at little use": ([still(gpu=seen(card(0.3, 120)))], None),
    "100 %, and its power is not told": ([still(gpu=seen(card(1.0, None)))], None),
    "100 %, and its limit is not told": ([still(gpu=seen(card(1.0, 90, limit=None)))], None),
    "100 % at little power, and it steps": ([trains(LONG, gpu=SPINS)], None),
    "100 % at little power, and it logs": ([rest(gpu=SPINS, logs=True, cores=1.0)], None),
    "100 % at little power, and it writes": ([rest(gpu=SPINS, writes=1e6, cores=1.0)], None),
    "100 % at half its power": ([still(gpu=seen(card(1.0, 200)), cores=1.0)], None),
    "two GPUs, one of them works": ([still(gpu=seen(card(1.0, 92), card(0.98, 390)))], None),
    "it only writes a log": ([rest(logs=True)], None),
    "it only tells steps": ([Spell(LONG, steps=True)], None),
    "it only writes a checkpoint, slowly": ([rest(writes=50_000.0)], None),
    "it appends a line to a file of its own now and then": (
        [Spell(35), Spell(1, touches=True), Spell(35), Spell(1, touches=True), Spell(35)],
        None,
    ),
    "its processes cannot be seen": ([rest(cores=None)], None),
    "its processes cannot be seen, and the driver is silent": ([rest(cores=None, gpu=DRIVER_SILENT)], None),
    "59 minutes of silence, again and again": ([Spell(59), trains(1), Spell(59), trains(1), Spell(59)], None),
    "a log line every 50 minutes": ([Spell(50), Spell(1, logs=True), Spell(50), Spell(1, logs=True)], None),
    "the disk of its log is full, and the keeper waits its five minutes": (
        [Spell(57), Spell(5, full=True), Spell(1, logs=True), Spell(57), Spell(5, full=True)],
        None,
    ),
    "nobody looks": ([Spell(LONG, away=True)], None),
    "it is being ended": ([Spell(LONG, stops_looking=True)], None),
    "loading data for 50 minutes": (
        [trains(10), Spell(50, steps=False, gpu=RESTS, cores=0.02), trains(10)],
        None,
    ),
    "downloading to a file at a few percent of a core": ([rest(cores=0.03, writes=3e5)], None),
    "a driver that does not answer, and the job goes on": ([trains(LONG, gpu=DRIVER_SILENT)], None),
    "many small processes together": ([rest(cores=0.05, others=0.08, gpu=NO_GPU)], None),
}
