"""The soak's looks as shares and sums, the verdict on them, and the page. Pure; not here: looking (``soak_look``)."""

from __future__ import annotations

from dataclasses import dataclass, field

CPU_BUDGET, PSS_BUDGET = 0.5, 80.0  # percent of a core, MB
FIRST_S = 60.0


@dataclass(frozen=True)
class Look:
    """At one moment since the program was started: CPU so far and PSS now, by part; the rival's, where it runs."""

    at_s: float
    cpu_s: dict[str, float]
    pss_mb: dict[str, float]
    rival: dict[str, float] = field(default_factory=dict)  # cpu_s and pss_mb
    load: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """Shares are percent of a core. ``whole`` begins at the program's own start, ``settled`` after the first minute."""

    whole: float
    first: float
    settled: float
    parts: dict[str, float]  # of settled
    most_mb: float
    rival_percent: float | None
    rival_mb: float | None

    @property
    def is_met(self) -> bool:
        return self.whole <= CPU_BUDGET and self.most_mb <= PSS_BUDGET


def share(before: Look, after: Look, part: str | None = None) -> float:
    """Percent of a core between two looks, of one part or of all."""
    spent = [after.cpu_s[name] - before.cpu_s.get(name, 0.0) for name in after.cpu_s if part in {None, name}]
    return 100 * sum(spent) / (after.at_s - before.at_s)


def judge(looks: list[Look]) -> Verdict:
    start = Look(0.0, {}, {})
    last = looks[-1]
    settled = next((one for one in looks if one.at_s >= FIRST_S), looks[0])
    since = settled if settled is not last else start
    rival = None
    if looks[0].rival and last is not looks[0]:
        spent = last.rival["cpu_s"] - looks[0].rival["cpu_s"]
        rival = 100 * spent / (last.at_s - looks[0].at_s)
    return Verdict(
        whole=share(start, last),
        first=share(start, settled),
        settled=share(since, last),
        parts={name: share(since, last, name) for name in last.cpu_s},
        most_mb=max(sum(one.pss_mb.values()) for one in looks),
        rival_percent=rival,
        rival_mb=max((one.rival["pss_mb"] for one in looks if one.rival), default=None),
    )


def page(facts: dict[str, str], looks: list[Look]) -> str:
    """``facts`` are told as they are: commit, date, machine, what ran."""
    found = judge(looks)
    return "\n".join(
        [
            "# Ten minutes beside a training",
            "",
            "`make soak` runs this and writes this page.",
            "",
            *(f"- {name}: {value}" for name, value in facts.items()),
            "",
            *_verdict(found, looks[-1].at_s),
            "",
            *_table(looks),
            "",
            HOW,
            "",
        ]
    )


def _verdict(found: Verdict, seconds: float) -> list[str]:
    def met(value: float, limit: float | None) -> str:
        if limit is None:
            return "- | -"
        return f"{limit:g} | {'yes' if value <= limit else '**no**'}"

    rival_mb = "-" if found.rival_mb is None else f"{found.rival_mb:.1f}"
    rival = "-" if found.rival_percent is None else f"{found.rival_percent:.2f}"
    parts = ", ".join(f"{name} {value:.2f}" for name, value in found.parts.items())
    rows = [
        (f"CPU, all {seconds / 60:.0f} minutes with the start, % of a core", found.whole, rival, CPU_BUDGET),
        (f"CPU after the first minute: {parts}", found.settled, rival, CPU_BUDGET),
        ("CPU in the first minute", found.first, "-", None),
        ("memory (PSS), the most at any look, MB", found.most_mb, rival_mb, PSS_BUDGET),
    ]
    return [
        "| what | ours | supervisord | budget | met |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {what} | {value:.2f} | {other} | {met(value, limit)} |" for what, value, other, limit in rows),
    ]


def _table(looks: list[Look]) -> list[str]:
    parts = list(looks[-1].cpu_s)
    heads = [f"{name}, % / MB" for name in (*parts, "all", "supervisord")]
    lines = [f"| after | {' | '.join(heads)} | load |", "| --- " * (len(heads) + 2) + "|"]
    before = Look(0.0, {}, {})
    for one in looks:
        cells = [f"{share(before, one, name):.2f} / {one.pss_mb[name]:.1f}" for name in parts]
        cells.append(f"{share(before, one):.2f} / {sum(one.pss_mb.values()):.1f}")
        cells.append(_rival(before, one))
        lines.append(f"| {one.at_s:.0f} s | {' | '.join(cells)} | {one.load:.1f} |")
        before = one
    return lines


def _rival(before: Look, one: Look) -> str:
    if not one.rival:
        return "-"
    spent = one.rival["cpu_s"] - before.rival.get("cpu_s", 0.0)
    return f"{100 * spent / (one.at_s - before.at_s):.2f} / {one.rival['pss_mb']:.1f}"


HOW = """CPU is what the kernel says a process used, its ended threads and reaped children included (`children` are
all that the agent and its entrypoint have started besides the keeper: the watcher of the driver, git, looks at the
machine). The training itself is nobody's. PSS is smaller the more other Python programs run on the machine. A busy
machine makes the same work dearer: its caches are others'."""
