"""The rows of ``fast_lane``: a budget for each, as RunPod kills a pod five seconds after TERM. Values only."""

from __future__ import annotations

from row import Row

RIVALS = ("tini and a shell", "supervisord")
AT_ONCE = "ends at once"
HARDER = (
    "ends at once, with a follower who does not read",
    "ends at once, 8 busy programs beside it",
    "ignores it",
    "ignores it, leftovers too, a deaf follower, 8 busy programs",
)
CASES = (AT_ONCE, *HARDER)
CROWDED = (
    "the slowest of the five, beside eight programs that want a core each; the median and the worst of every case are "
    "in `figures.jsonl`. Which part of the way the time went to was not looked into."
)
HOW = (
    "the rivals hand TERM on to the same training and keep no record of it; supervisord looks at its signals once a "
    "second. *Worst* is the slowest of the five."
)


def row(what: str, figure: str, case: str, limit: float, **more: str) -> Row:
    """One figure of one case, in milliseconds."""
    budget = f"<= {limit:g} ms"
    others = RIVALS if case == AT_ONCE else ()
    return Row(
        f"TERM to the pod -> {what}",
        "fast_lane",
        figure,
        "ms",
        budget,
        limit,
        others=others,
        where={"case": case},
        **more,
    )


def _note(case: str) -> str:
    return CROWDED if "busy" in case else ""


ROWS: tuple[Row, ...] = (
    row("the training's handler runs", "heard_ms", AT_ONCE, 50, how=HOW),
    *(
        row(f"the training's handler runs, worst; it {case}", "heard_worst_ms", case, 50, note=_note(case))
        for case in CASES
    ),
    *(
        row(f"*interrupted* is on disk, worst; its training {case}", "kept_worst_ms", case, 1000)
        for case in CASES
    ),
    row("the container has ended; its training ends at once", "gone_ms", AT_ONCE, 5000),
    *(
        row(f"the container has ended, worst; its training {case}", "gone_worst_ms", case, 5000)
        for case in HARDER
    ),
)
