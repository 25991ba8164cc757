"""pod-client's own follow loop to stdout, as ``pod-client logs -f --raw`` runs it.

Arguments: the agent's address, its token.
"""

from __future__ import annotations

import sys

from pod_client.agent_api import AgentApi
from pod_client.folding import NoFold
from pod_client.follow import Follower
from pod_client.stdout import Stdout
from pod_wire.runpod.transport import StdlibTransport
from pod_wire.secrets import Secret


def main(url: str, token: str) -> None:
    api = AgentApi(url, Secret(token), StdlibTransport())
    Follower(api, "bench", Stdout(NoFold()), lambda text: print(text, file=sys.stderr), lambda: None).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
