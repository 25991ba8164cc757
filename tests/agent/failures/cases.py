"""Which program fails how: command, class, what reason and remedy must say. Not here: those with torch."""

from __future__ import annotations

from dataclasses import dataclass

from pod_agent.run.failures.failure import Again, Kind

K = Kind
NEVER, PROGRESS, FREELY = Again.NEVER, Again.WITH_PROGRESS, Again.FREELY
SERVER = "{url}"


@dataclass(frozen=True, slots=True)
class Case:
    """``reason`` is a regular expression, ``remedy`` a part. ``place``: see place.py; ``status``: of {url}."""

    command: str
    kind: Kind
    reason: str
    remedy: str
    again: Again
    place: str = ""
    status: int = 0


def py(name: str, *words: str) -> str:
    return " ".join(("python", f"{{p}}/{name}.py", *words))


CODE = {
    "import": Case(
        py("imports_missing"),
        K.IMPORT,
        r"No module named 'nothing_of",
        "add 'nothing_of_that_name' to",
        NEVER,
    ),
    "other name": Case(
        py("imports_other_name"), K.IMPORT, r"No module named 'cv2'", "'opencv-python-headless'", NEVER
    ),
    "no such name": Case(
        py("imports_no_such_name"),
        K.IMPORT,
        r"cannot import name 'dumps_faster'.*line 3\)",
        "fix the version",
        NEVER,
    ),
    "library": Case(
        py("imports_broken_library"), K.NO_CUDA, r"libcudart\.so\.99", "leave torch to the image", NEVER
    ),
    "module": Case(
        "python -m nothing_of_that_name", K.IMPORT, r"No module named", "to the requirements", NEVER
    ),
    "syntax": Case(
        "bash {p}/syntax_error.sh", K.SYNTAX, r"SyntaxError.*broken\.py line 1", "correct the line", NEVER
    ),
    "indentation": Case(
        "bash {p}/indentation_error.sh", K.SYNTAX, r"crooked\.py line 2", "correct the line", NEVER
    ),
    "shell syntax": Case(
        "bash {p}/shell_syntax_error.sh", K.SYNTAX, r"syntax error|unexpected end", "correct", NEVER
    ),
    "misspelt option": Case(
        py("parses_arguments", "--data x --batch-sise 4"),
        K.ARGUMENTS,
        r"unrecognized arguments: --batch-sise",
        "--help",
        NEVER,
    ),
    "missing option": Case(py("parses_arguments"), K.ARGUMENTS, r"required: --data", "POD_COMMAND", NEVER),
    "wrong choice": Case(
        py("parses_arguments", "--data x --model tiny"),
        K.ARGUMENTS,
        r"invalid choice: 'tiny'",
        "--help",
        NEVER,
    ),
    "no number": Case(
        py("parses_arguments", "--data x --batch-size big"),
        K.ARGUMENTS,
        r"invalid int value",
        "--help",
        NEVER,
    ),
    "click option": Case(py("clicks", "--step 3"), K.ARGUMENTS, r"No such option", "--help", NEVER),
    "click missing": Case(py("clicks"), K.ARGUMENTS, r"Missing option '--steps'", "--help", NEVER),
    "a tool's option": Case("ls --no-such-option", K.ARGUMENTS, r"unrecognized option", "--help", NEVER),
    "words": Case(
        py("exits_with_words"),
        K.UNKNOWN,
        r"^exit code 1: the settings name no learning rate$",
        "log",
        PROGRESS,
    ),
    "code": Case(
        py("exits_with_code"), K.UNKNOWN, r"^exit code 3$", "the log's last lines say why", PROGRESS
    ),
    "file": Case(
        py("opens_missing"), K.NO_FILE, r"data/train\.bin.*opens_missing\.py line 3", "check the path", NEVER
    ),
    "script": Case(
        "python no_such_training.py", K.NO_FILE, r"no_such_training\.py", "count from POD_SUBDIR", NEVER
    ),
    "a script's line": Case(
        "bash {p}/script_stops.sh", K.NO_FILE, r"/no/such/data\.tar", "check the path", NEVER
    ),
    "assertion": Case(
        py("asserts"), K.ASSERTION, r"token 50304 is not in the vocabulary", "did not hold", PROGRESS
    ),
    "exception": Case(
        py("raises"),
        K.EXCEPTION,
        r"JSONDecodeError: Expecting.*\(raises\.py line 7\) \(exit code 1\)",
        "traceback",
        PROGRESS,
    ),
    "raise from": Case(
        py("raises_from"), K.NO_FILE, r"settings\.yaml.*; then RuntimeError: the training", "path", NEVER
    ),
    "while handling": Case(
        py("raises_while_handling"), K.NO_FILE, r"no-such-weights\.bin", "check the path", NEVER
    ),
    "name": Case(
        py("misspells"), K.PROGRAM, r"name 'evaluate' is not defined.*line 8", "correct the line", NEVER
    ),
    "keyword": Case(
        py("calls_wrongly"), K.PROGRAM, r"unexpected keyword argument 'learning_rate'", "version", NEVER
    ),
    "group": Case(py("raises_group"), K.NO_FILE, r"shard-7\.tar", "check the path", NEVER),
    "pool": Case(py("pools"), K.NO_FILE, r"part-\d\.txt.*pools\.py line 7", "check the path", NEVER),
    "wrapper": Case(py("wraps_child"), K.IMPORT, r"nothing_of_that_name", "to the requirements", NEVER),
    "not found": Case(
        "pyhton train.py", K.NO_COMMAND, r"\(exit code 127\): pyhton$", "name a program", NEVER
    ),
    "not executable": Case(
        "/etc/passwd", K.NOT_EXECUTABLE, r"\(exit code 126\): /etc/passwd$", "chmod", NEVER
    ),
    "nan": Case(py("loss_is_nan"), K.NAN, r"loss is nan at step 3", "learning rate", NEVER),
    "nan quietly": Case(
        py("loss_is_nan", "quietly"), K.NAN, r"Loss is nan, stopping", "learning rate", NEVER
    ),
    "ranks": Case(py("ranks_fail"), K.EXCEPTION, r"sample 17 of rank 1 has no label", "traceback", PROGRESS),
}
TOLD = {
    "oom survived": Case(
        py("survives_oom"), K.EXCEPTION, r"the validation set is empty", "traceback", PROGRESS
    ),
    "oom survived, no word": Case(
        py("survives_oom", "silently"), K.UNKNOWN, r"^exit code 3", "last lines", PROGRESS
    ),
    "bar": Case(
        py("shows_bar"), K.EXCEPTION, r"KeyError: 'attention_mask' \(shows_bar\.py line 10\)", "log", PROGRESS
    ),
    "bytes": Case(py("writes_bytes"), K.EXCEPTION, r"LookupError: no tokenizer .* fits", "log", PROGRESS),
    "much": Case(py("says_much"), K.EXCEPTION, r"ValueError: too long: y+… ?", "log", PROGRESS),
    "noise": Case(py("leaves_noise"), K.EXCEPTION, r"KeyError: 'train/loss'", "log", PROGRESS),
}
MACHINE = {
    "address space": Case(
        py("eats_address_space"), K.HOST_MEMORY, r"MemoryError.*line 6", "more memory", PROGRESS
    ),
    "disk": Case(
        py("fills_disk_by_python", "{disk}"), K.DISK_FULL, r"\[Errno 28\]", "free space", NEVER, "small disk"
    ),
    "disk, by shell": Case(
        "bash {p}/fills_disk_by_shell.sh {disk}",
        K.DISK_FULL,
        r"No space left",
        "free space",
        NEVER,
        "small disk",
    ),
    "files": Case(
        py("makes_many_files", "{disk}"), K.DISK_FULL, r"\[Errno 28\]", "free space", NEVER, "few files"
    ),
    "quota": Case(py("exceeds_quota"), K.QUOTA, r"\[Errno 122\] Disk quota", "df does not show it", NEVER),
    "read only": Case(
        py("writes_read_only", "{disk}"), K.PERMISSION, r"\[Errno 30\]", "chmod", NEVER, "read only"
    ),
    "segfault": Case(
        py("segfaults_in_library"), K.CRASH, r"crashed with signal SEGV", "fault trace", PROGRESS
    ),
    "a process gone": Case(
        py("loses_its_child"),
        K.CRASH,
        r"a process of the training is gone: EOFError",
        "fewer workers",
        PROGRESS,
    ),
    "abort": Case(py("aborts"), K.CRASH, r"crashed with signal ABRT", "native library", PROGRESS),
    "term": Case(py("is_terminated"), K.KILLED, r"killed by signal TERM from outside", "POD_RESUME", FREELY),
    "kill": Case(py("is_killed"), K.KILLED, r"killed by signal KILL from outside", "POD_RESUME", FREELY),
    "child killed": Case(
        py("kills_its_child"), K.KILLED, r"one of its processes: killed by signal KILL", "POD_RES", FREELY
    ),
    "shared memory": Case(
        py("fills_shared_memory"),
        K.SHARED_MEMORY,
        r"signal BUS: a full /dev/shm",
        "num_workers",
        NEVER,
        "shm",
    ),
    "open files": Case(py("opens_many_files"), K.LIMIT, r"\[Errno 24\]", "ulimit -n", PROGRESS),
    "port": Case(py("wants_taken_port"), K.PORT, r"\[Errno 98\]", "--standalone", PROGRESS),
}
NET = {
    "401": Case(py("asks_requests", SERVER), K.LOGIN, r"HTTPError: 401", "HF_TOKEN", NEVER, "server", 401),
    "403": Case(
        py("asks_requests", SERVER), K.FORBIDDEN, r"HTTPError: 403", "give it the right", NEVER, "server", 403
    ),
    "404": Case(
        py("asks_requests", SERVER), K.NOT_ON_SERVER, r"HTTPError: 404", "misspelling", NEVER, "server", 404
    ),
    "429": Case(
        py("asks_requests", SERVER), K.SERVER, r"HTTPError: 429", "more seldom", PROGRESS, "server", 429
    ),
    "503": Case(
        py("asks_requests", SERVER), K.SERVER, r"HTTPError: 503", "well again", PROGRESS, "server", 503
    ),
    "403 of urllib": Case(
        py("asks_urllib", SERVER), K.FORBIDDEN, r"HTTP Error 403", "another token", NEVER, "server", 403
    ),
    "silent": Case(
        py("asks_requests", SERVER, "0.3"),
        K.NETWORK,
        r"Read ?[Tt]imeout",
        "wait a little",
        PROGRESS,
        "server",
        -1,
    ),
    "refused": Case(
        py("asks_requests", "http://127.0.0.1:9"), K.NETWORK, r"ConnectionError.*refused", "port", PROGRESS
    ),
    "timeout": Case(py("times_out"), K.NETWORK, r"TimeoutError", "wait a little", PROGRESS),
    "dns": Case(py("looks_up_name"), K.DNS, r"gaierror: .*name", "misspelling", PROGRESS, "no network"),
    "dns of requests": Case(
        py("asks_requests", "https://data.example.com/x"),
        K.DNS,
        r"data\.example\.com",
        "no network",
        PROGRESS,
        "no network",
    ),
    "dns of git": Case(
        "bash {p}/clones.sh https://git.example.com/a/b",
        K.DNS,
        r"resolve host",
        "--new-pod",
        PROGRESS,
        "no network",
    ),
    "git login": Case(
        "bash {p}/clones.sh {url}/a/b", K.LOGIN, r"fatal: ", "POD_GIT_TOKEN", NEVER, "server", 401
    ),
    "git 403": Case(
        "bash {p}/clones.sh {url}/a/b", K.FORBIDDEN, r"fatal: .*403", "another token", NEVER, "server", 403
    ),
    "git 404": Case(
        "bash {p}/clones.sh {url}/a/b",
        K.NOT_ON_SERVER,
        r"fatal: .*not found",
        "POD_GIT_TOKEN",
        NEVER,
        "server",
        404,
    ),
    "hub, private": Case(
        py("asks_hub", "me/private", "a.txt"),
        K.NOT_ON_SERVER,
        r"RepositoryNotFoundError: 40[14]",
        "HF_TOKEN",
        NEVER,
        "hub",
    ),
    "hub, gated": Case(
        py("asks_hub", "me/gated", "a.txt"), K.GATED, r"GatedRepoError: 403", "accept its terms", NEVER, "hub"
    ),
    "hub, no file": Case(
        py("asks_hub", "me/open", "b.txt"),
        K.NOT_ON_SERVER,
        r"EntryNotFoundError: 404",
        "misspell",
        NEVER,
        "hub",
    ),
    "hub, no network": Case(
        py("asks_hub", "me/open", "a.txt"), K.DNS, r".", "no network", PROGRESS, "no network"
    ),
}
CASES = CODE | TOLD | MACHINE | NET
