"""``python -m pod_sim``: RunPod on your own machine, until it is not needed any more."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import sysconfig
from pathlib import Path

from pod_wire.clock import RealClock
from pod_wire.errors import PodError

NEEDS_AGENT = "cannot start the simulator: {name} is not installed (pip install 'podkeep[agent]')\n"
ENTRYPOINTS = (  # of a checkout, of an installed wheel
    Path(__file__).resolve().parents[2] / "entrypoint.sh",
    Path(sysconfig.get_path("data")) / "share" / "podkeep" / "entrypoint.sh",
)
CANNOT_START = 3


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pod_sim", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps everything")
    parser.add_argument("--port", type=int, default=0, help="0: the one from before, or any")
    parser.add_argument(
        "--idle-exit", type=float, default=30.0, help="minutes without a running pod or a request; 0: never"
    )
    parser.add_argument(
        "--backend",
        choices=("process", "docker"),
        help="what pods are: processes of this machine, or containers of a Docker image; default: as before",
    )
    parser.add_argument("--entrypoint", type=Path, help="PID 1 of every process pod")
    parser.add_argument("--image", help="docker: the image of every pod, whatever it asks for")
    parser.add_argument(
        "--network", help="docker: host, or a bridge by its name; default: the engine's bridge, else host"
    )
    parser.add_argument(
        "--proxy-silence", type=float, default=100.0, help="seconds of silence that the proxy bears"
    )
    parser.add_argument(
        "--grace", type=float, default=5.0, help="seconds from SIGTERM to SIGKILL when a pod is stopped"
    )
    options = parser.parse_args(argv)
    if options.backend != "docker" and (options.image or options.network):
        parser.error("--image and --network go with --backend docker")
    if options.backend == "docker" and options.entrypoint:
        parser.error("--entrypoint goes with --backend process: containers begin as their image says")
    return options


def run(options: argparse.Namespace) -> None:
    from pod_sim.backends import choice  # noqa: PLC0415 (after the check that what it needs is installed)
    from pod_sim.house import Pace  # noqa: PLC0415
    from pod_sim.server import Options, Simulator  # noqa: PLC0415
    from pod_sim.state import Store  # noqa: PLC0415

    if options.entrypoint is not None:
        choice.must_be_there(options.entrypoint)
    store = Store(options.state)
    store.open()
    try:
        backend = options.backend or (choice.PROCESS if options.entrypoint else None)
        wish = choice.settle(store, backend, options.image, options.network)
        if wish.backend == choice.DOCKER:
            chosen = choice.docker_pods(os.environ, wish.image, wish.network)
        else:
            ours = next((path for path in ENTRYPOINTS if path.is_file()), ENTRYPOINTS[0])
            chosen = choice.process_pods(os.environ, options.entrypoint or ours)
        store.keep_settings(wish)
        how = Options(
            port=options.port,
            idle_exit_s=options.idle_exit * 60 or None,
            proxy_silence_s=options.proxy_silence,
            entrypoint=chosen.entrypoint,
            python=chosen.python,
            host_environment=chosen.host_environment,
            pace=Pace(grace=options.grace),
            gateway=chosen.gateway,
        )
        asyncio.run(Simulator(store, chosen.backend, RealClock(), how).serve())
    finally:
        store.close()


def main(argv: list[str] | None = None) -> int:
    options = arguments(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s pod_sim %(message)s")
    try:
        run(options)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (
            "starlette",
            "uvicorn",
            "httptools",
            "fastapi",
        ):
            raise
        sys.stderr.write(NEEDS_AGENT.format(name=error.name))
        return CANNOT_START
    except PodError as error:
        sys.stderr.write(f"{error}\n")
        return CANNOT_START
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
