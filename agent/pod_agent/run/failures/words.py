"""What programs say on their way out without raising anything: parsers, shells, git, curl, drivers, launchers.

Pure. Each pattern is held against a whole line from its beginning, so that a line that only speaks of an error (a help
text, a warning that was survived) is none. Not here: exceptions (``traces``, ``exceptions``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.failures import statuses
from pod_agent.run.failures.failure import Kind
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.failures.lines import Line

LAST = 60  # lines that speak: older ones are history
NEAR = 6  # how old a line may be of which many are no end: a script goes on after many a missing file
K = Kind
_PROGRAM = r"(?:[\w./+-]{1,80}: ){1,3}"  # bash: line 1: …


@dataclass(frozen=True, slots=True)
class Said:
    """A line that tells why. ``index`` is its place among the lines, ``signal`` the one that ended a child."""

    kind: Kind
    text: str
    index: int
    rank: str = ""
    signal: str = ""


def _told(*pairs: tuple[Kind, str]) -> tuple[tuple[Kind, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(pattern)) for kind, pattern in pairs)


_LAST_WORDS = _told(  # whoever says so ends; a launcher may have much to say afterwards
    (K.DRIVER, r"(?:\[ *[\d.]+\] |kernel: )*NVRM: (?:Xid|GPU |RmInit)"),
    (K.DRIVER, r"(?:\S+ )?Failed to initialize NVML: |NVIDIA-SMI has failed because "),
    (K.ARGUMENTS, r"[\w./ <>\[\]-]{1,120}: error: (?:.*argument|.*choice|unrecognized|ambiguous|.*expected)"),
    (
        K.ARGUMENTS,
        r"Error: (?:No such (?:option|command)|Missing (?:option|argument|parameter)|Invalid value)",
    ),
    (K.ARGUMENTS, r"Error: (?:Got unexpected|Option .* requires)"),
    (K.ARGUMENTS, r"[│|] (?:No such option|Missing (?:option|argument)|Invalid value|Got unexpected)"),
    (K.ARGUMENTS, r"FATAL Flags parsing error|ERROR: Could not consume arg|Could not override '"),
    (K.ARGUMENTS, r"Key '.*' is not in struct|Unknown option: "),
    (K.NO_FILE, r"\S*python[\d.]*: can't open file "),
    (K.IMPORT, r"\S*python[\d.]*: (?:No module named |Error while finding module)"),
    (K.IMPORT, r".{0,200}: error while loading shared libraries: "),
    (K.NAN, r"(?i).{0,60}\bloss (?:is|=|was|:)? ?(?:a )?(?:nan|inf)\w*[ ,.!:;].{0,40}(?:stop|abort|exit)"),
    (K.GPU_FAULT, r"\S+\.cu:\d+: .*Assertion `.*` failed"),
)
_WORDS = _told(
    (K.ARGUMENTS, _PROGRAM + r"(?:unrecognized option|invalid option|unknown option)"),
    (K.NO_FILE, _PROGRAM + r"(?:cannot (?:open|access|stat) )?.{0,300}No such file or directory$"),
    (K.SYNTAX, r"(?:\S+: ){1,2}(?:-c: )?(?:line \d+: )?(?:syntax error|.{0,40}unexpected end of file)"),
    (
        K.PERMISSION,
        _PROGRAM + r".{0,300}(?:Permission denied|Read-only file system|Operation not permitted)$",
    ),
    (K.QUOTA, r".{0,300}: Disk quota exceeded\.?$"),
    (K.DISK_FULL, r"(?:fatal|error|" + _PROGRAM + r").{0,300}No space left on device\.?$"),
    (K.LOGIN, r"fatal: (?:Authentication failed|could not read (?:Username|Password))"),
    (K.LOGIN, r"remote: (?:Invalid username|HTTP Basic: Access denied|Support for password)"),
    (K.LOGIN, r".{0,80}Permission denied \(publickey"),
    (K.LOGIN, statuses.said("401") + r"|Username/Password Authentication Failed\.$"),
    (K.FORBIDDEN, statuses.said("403")),
    (K.NOT_ON_SERVER, statuses.said("404") + r"|fatal: repository '.*' not found"),
    (K.NOT_ON_SERVER, r"fatal: (?:Remote branch .* not found|couldn't find remote ref)"),
    (K.NOT_ON_SERVER, r"remote: Repository not found"),
    (K.SERVER, statuses.said(r"(?:429|5\d\d)")),
    (K.DNS, r"(?:fatal|curl|ssh|wget|ping)\b.{0,300}(?:[Cc]ould not resolve host|Name or service not known)"),
    (K.DNS, r"wget: unable to resolve host|.{0,200}Temporary failure in name resolution"),
    (K.NETWORK, r"curl: \((?:7|28|35|52|56)\) |fatal: unable to access |ssh: connect to host "),
    (K.LIMIT, r"OpenBLAS blas_thread_init: pthread_create failed|libgomp: Thread creation failed"),
    (K.LIMIT, _PROGRAM + r".{0,100}(?:Resource temporarily unavailable|Too many open files)$"),
    (K.HOST_MEMORY, _PROGRAM + r".{0,100}[Cc]annot allocate memory$"),
    (K.RANKS, r"(?:\[\S+\] ?)*\S+:\d+:\d+ \[\d+\] NCCL WARN .*(?:[Tt]imeout|[Ff]ailed|closed|abort)"),
    (K.ASSERTION, r".{0,200}:\d+: .{0,200}: Assertion `.*' failed\.$"),
)
_SIGNALS = {4: "ILL", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 11: "SEGV", 15: "TERM"}
_CHILD = (
    re.compile(r"\s*traceback *: Signal (\d+) \(SIG\w+\) received by PID"),
    re.compile(r".{0,200}(?:exits with return code = |exitcode *: ?|return code:? |exit status )-(\d+)\b"),
    re.compile(r".{0,200}died with <Signals\.SIG\w+: (\d+)>"),
)
_SHELL = re.compile(
    r"(?:\S+: line \d+: +\d+ )?(Killed|Segmentation fault|Aborted|Bus error|Illegal instruction)\b"
)
_OF_SHELL = {
    "Killed": "KILL",
    "Segmentation fault": "SEGV",
    "Aborted": "ABRT",
    "Bus error": "BUS",
    "Illegal instruction": "ILL",
}
_FAULT = re.compile(r"Fatal Python error: (Segmentation fault|Aborted|Bus error|Illegal instruction)")


def read(lines: tuple[Line, ...]) -> tuple[Said, ...]:
    """What the last lines say, in their order."""
    speaking = [index for index, line in enumerate(lines) if line.text.strip()][-LAST:]
    near = speaking[-NEAR:]
    found = (_said(lines, index, is_near=index in near) for index in speaking)
    return tuple(one for one in found if one is not None)


def _said(lines: tuple[Line, ...], index: int, *, is_near: bool) -> Said | None:
    line = lines[index]
    text = line.text.strip()
    for pattern in _CHILD:
        ended = pattern.match(line.text)
        if ended and int(ended[1]) in _SIGNALS:
            return _child(text, index, line.rank, _SIGNALS[int(ended[1])])
    ended = _FAULT.match(text) or _SHELL.match(text)
    if ended and (
        text.startswith("Fatal") or ": line " in text or text in {ended[1], f"{ended[1]} (core dumped)"}
    ):
        return _child(text, index, line.rank, _OF_SHELL[ended[1]])
    patterns = (*_LAST_WORDS, *_WORDS) if is_near else _LAST_WORDS
    kind = next((kind for kind, pattern in patterns if pattern.match(text)), None)
    if text.endswith(":") and index + 1 < len(lines):
        text = f"{text} {lines[index + 1].text.strip()}"
    return None if kind is None else Said(kind, text, index, line.rank)


def _child(text: str, index: int, rank: str, signal: str) -> Said:
    return Said(K.KILLED if signal in {"KILL", "TERM"} else K.CRASH, text, index, rank, signal)
