"""Small trees of /proc and /sys as kernels show them in containers, by the version of their cgroups. For tests."""

from __future__ import annotations

from pathlib import Path

MIB = 1 << 20
LINE = "{id} 27 0:{id} {root} {point} rw,nosuid,nodev,noexec,relatime - {kind} {kind} rw{options}\n"
MEMINFO = "MemTotal:       263757712 kB\nMemFree:        1000000 kB\nHugePages_Total:       0\n"
DOCKER = "/docker/0f1e2d3c"


def memory_groups():
    """Folders of the memory cgroup that we are in, with the name of its limit: version 1, then 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield Path(f"/sys/fs/cgroup/memory{path}"), "memory.limit_in_bytes"
        elif not controllers:
            yield Path(f"/sys/fs/cgroup{path}"), "memory.max"


def mountinfo(*mounts):
    """Lines of (root, point, kind, options), below a root file system."""
    table = "22 1 254:0 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b\n"
    for number, (root, point, kind, options) in enumerate(mounts, 30):
        table += LINE.format(
            id=number, root=root, point=point, kind=kind, options=f",{options}" if options else ""
        )
    return table


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


FIRST_FILES = {
    "cpuacct/cpuacct.usage": "123456789012\n",
    "cpu/cpu.cfs_quota_us": "650000\n",
    "cpu/cpu.cfs_period_us": "100000\n",
    "cpu/cpu.stat": "nr_periods 100\nnr_throttled 7\nthrottled_time 2500000000\n",
    "memory/memory.usage_in_bytes": f"{3000 * MIB}\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/memory.stat": f"cache 5\nhierarchical_memory_limit {8000 * MIB}\ntotal_inactive_file {1000 * MIB}\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
}
SECOND_FILES = {
    "cpu.stat": "usage_usec 123456789\nuser_usec 1\nsystem_usec 2\nnr_throttled 7\nthrottled_usec 2500000\n",
    "cpu.max": "650000 100000\n",
    "memory.current": f"{3000 * MIB}\n",
    "memory.max": f"{8000 * MIB}\n",
    "memory.stat": f"anon 5\ninactive_file {1000 * MIB}\nactive_file 6\n",
    "memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n",
}


def first(root, *, path=DOCKER, mounted=DOCKER):
    """Version 1 as Docker shows it: the container's own group is mounted, and named from the host's view."""
    controllers = {"memory": "memory", "cpu": "cpu", "cpuacct": "cpuacct"}
    mounts = [(mounted, f"/sys/fs/cgroup/{one}", "cgroup", options) for one, options in controllers.items()]
    inside = path.removeprefix(mounted).lstrip("/")
    files = {
        f"sys/fs/cgroup/{name.split('/')[0]}/{inside}/{name.split('/')[1]}": text
        for name, text in FIRST_FILES.items()
    }
    return write(
        root,
        {
            "proc/self/mountinfo": mountinfo(*mounts),
            "proc/self/cgroup": "".join(f"{n}:{one}:{path}\n" for n, one in enumerate(controllers, 2)),
            "proc/meminfo": MEMINFO,
            **files,
        },
    )


def second(root, *, path="/", mounted="/", more=None):
    """Version 2 with a name space of its own: the group is the root of what is seen."""
    inside = path.removeprefix(mounted.rstrip("/")).lstrip("/")
    files = {f"sys/fs/cgroup/{inside}/{name}": text for name, text in (SECOND_FILES | (more or {})).items()}
    return write(
        root,
        {
            "proc/self/mountinfo": mountinfo((mounted, "/sys/fs/cgroup", "cgroup2", "nsdelegate")),
            "proc/self/cgroup": f"0::{path}\n",
            "proc/meminfo": MEMINFO,
            **files,
        },
    )
