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


ROWS: tuple[Row, ...] = (
    row("the training's handler runs", "heard_ms", AT_ONCE, 50, how=HOW),
    row("the same, worst", "heard_worst_ms", AT_ONCE, 50),
    row("the same, worst, with 8 busy programs beside it", "heard_worst_ms", HARDER[1], 50),
    row("*interrupted* is on disk, worst", "kept_worst_ms", AT_ONCE, 1000),
    row("the same, worst, with 8 busy programs beside it", "kept_worst_ms", HARDER[1], 1000),
    row("the container has ended; its training ends at once", "gone_ms", AT_ONCE, 5000),
    *(
        row(f"the container has ended, worst; its training {case}", "gone_worst_ms", case, 5000)
        for case in HARDER
    ),
)
