"""The keeper: the training's parent. It owns the pipe, the log while it lives, the process tree and the exit.

A program of its own, so that the agent may die and come back; told what to do on its standard input.
Signals: USR1 cancels the attempt, TERM hurries it (the pod is going away). Its loop is in keeper_loop.py.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from pod_agent.run import exit_record, keeper_tree
from pod_agent.run.exit_record import Orders
from pod_agent.run.keeper_log import LogPump
from pod_agent.run.keeper_loop import Keeper, announce

DEAF = (signal.SIGHUP, signal.SIGINT, signal.SIGUSR2)


def main() -> None:
    """``<folder> <generation> start|adopt``: claim the attempt in this folder, or leave it to who has it."""
    folder, generation, mode = sys.argv[1:4]
    os.closerange(
        3, 1 << 20
    )  # what an agent let slip, a listening socket for instance, must not live on in a job
    os.chdir(folder)
    umask = os.umask(0o077)
    told = exit_record.unpack(_read_all(0)) if mode == "start" else []
    if told is None:
        return  # the agent died in mid-sentence; nothing is claimed, nothing starts
    with open(exit_record.PLAN, "rb") as file:
        orders = Orders(file.read())
    ears = _listen()
    me, my_start = os.getpid(), keeper_tree.start_time(os.getpid()) or 0
    if not exit_record.take_claim(".", int(generation), me, my_start):
        return
    _write_pidfile(orders.pidfile, b"%d %d\n" % (me, my_start))
    keeper = _begin(orders, ears, told, umask) if mode == "start" else _adopt(orders, ears)
    if keeper is not None:
        keeper.run()
    announce()
    _remove_pidfile(orders.pidfile, b"%d " % me)


def _begin(orders: Orders, ears: int, told: list[bytes], umask: int) -> Keeper | None:
    """Record first, then the pipe and the header, then the job."""
    from pod_agent.run import keeper_spawn  # noqa: PLC0415 - ctypes, which an adopting keeper does without

    command, cwd, header, *environment = told
    record = exit_record.ExitRecord()
    record.nonce = os.urandom(16).hex()
    record.oom_before = keeper_tree.oom_kills()
    file = exit_record.RecordFile(".", record)
    try:
        keeper_spawn.become_subreaper()
        os.mkfifo(exit_record.FIFO, 0o600)
        pump = LogPump(exit_record.FIFO, orders.log)
        pump.open()
        pump.own = pump.line_break() + header
        record.begin = pump.offset + len(pump.own)
        pump.move()
        pairs = (entry.partition(b"=") for entry in environment)
        birth = keeper_spawn.spawn(
            command, cwd, {name: value for name, _, value in pairs}, record.nonce, umask
        )
    except OSError as error:
        record.state, record.reason, record.ended_at = "ended", "spawn_failed", time.time()
        record.detail = f"cannot set the attempt up: {error}"
        file.write()
        return None
    record.pid, record.start, record.state = birth.pid, keeper_tree.start_time(birth.pid) or 0, "running"
    file.write()
    birth.open_gate()
    keeper = Keeper(orders, file, pump, ears)
    keeper.complaint = birth.errors
    keeper.hear_on(birth.errors)
    return keeper


def _adopt(orders: Orders, ears: int) -> Keeper | None:
    """The last keeper died. Take its pipe and watch its training, whose exit nobody will know now."""
    record = exit_record.read_record(".") or exit_record.ExitRecord()
    if record.state == "ended":
        return None
    file = exit_record.RecordFile(".", record)
    if not os.path.exists(exit_record.FIFO):
        os.mkfifo(exit_record.FIFO, 0o600)
    pump = LogPump(exit_record.FIFO, orders.log)
    pump.move()
    keeper = Keeper(orders, file, pump, ears)
    keeper.adopted = True
    pidfd = _open_training(record)
    keeper.known = pidfd >= 0
    if (
        record.state == "drained"
    ):  # its last line may be there, wholly or in part: the same again, at the same place
        pump.offset = record.begin + record.output_bytes
        pump.own = keeper.last_line()
        keeper.stage = "draining"
    elif record.state == "exited":
        keeper.stage = "leftovers"
    elif pidfd >= 0:
        keeper.pidfd = pidfd
        keeper.hear_on(pidfd)
        if record.ending:
            keeper.end(record.ending)
    else:
        keeper.exited(None)
    announce()
    return keeper


def _open_training(record: exit_record.ExitRecord) -> int:
    """A pidfd of the training; -1 when it is gone, also when another process has its pid now."""
    if not record.pid:
        return -1
    try:
        pidfd = os.pidfd_open(record.pid)
    except OSError:
        return -1
    if keeper_tree.is_alive(record.pid, record.start):
        return pidfd
    os.close(pidfd)
    return -1


def _listen() -> int:
    """From now on a signal is a byte in the pipe whose reading end this returns."""
    ears, mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    for number in DEAF:
        signal.signal(number, signal.SIG_IGN)
    return ears


def _read_all(fd: int) -> bytes:
    data = bytearray()
    while chunk := os.read(fd, 65536):
        data += chunk
    return bytes(data)


def _write_pidfile(path: bytes, line: bytes) -> None:
    draft = path + b".%d" % os.getpid()
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.write(fd, line)
    os.close(fd)
    os.rename(draft, path)


def _remove_pidfile(path: bytes, mine: bytes) -> None:
    try:
        with open(path, "rb") as file:
            is_mine = file.read().startswith(mine)
    except FileNotFoundError:
        return
    if is_mine:
        os.unlink(path)
