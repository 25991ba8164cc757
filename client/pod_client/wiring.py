"""What the commands share, wired on first use: settings, RunPod's API or the simulator's, the pods we know.

Also the one way from what a person types (an id, a name, a job) to a pod that can be asked.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pod_client.agent_api import HOW_TO_READ_TOKEN, AgentApi
from pod_client.config import Config, read_config
from pod_client.kept_receipts import KeptReceipts
from pod_client.known_pods import KnownPod, KnownPods
from pod_client.local import running, use_simulator
from pod_client.receipt import told_of
from pod_client.session import RequestsTransport
from pod_wire.codec import to_plain
from pod_wire.errors import BadInput, NotFound, Refused
from pod_wire.frozen import dataclass
from pod_wire.routes import DEFAULT_PORT
from pod_wire.runpod.pods import PodsApi
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_client.screen import Screen
    from pod_wire.clock import Clock
    from pod_wire.runpod.models import Pod
    from pod_wire.status import Status

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
ONLY_AN_ID = "without RUNPOD_API_KEY a pod that was not started here is named by its id"
KEY_HINT = 'set RUNPOD_API_KEY, or write api_key = "..." into {path}; or try it without: --local'


@dataclass(frozen=True, slots=True)
class Target:
    """A pod that somebody named. ``known`` is None for a pod that this laptop did not start."""

    pod_id: str
    config: Config
    known: KnownPod | None
    token: Secret | None
    port: int


class Wiring:
    def __init__(self, env: Mapping[str, str], screen: Screen, clock: Clock) -> None:
        self.env = env
        self.screen = screen
        self.clock = clock

    @cached_property
    def _reader(self) -> str:
        """This command's mark, by which an agent knows that it is the same one that asks again."""
        return secrets.token_hex(6)

    @cached_property
    def transport(self) -> RequestsTransport:
        return RequestsTransport()

    @cached_property
    def _real(self) -> Config:
        config = read_config(self.env)
        for warning in config.warnings:
            self.screen.warn(warning)
        return config

    @cached_property
    def _local(self) -> Config:
        return use_simulator(self._real, self.transport, self.clock)

    @cached_property
    def known(self) -> KnownPods:
        return KnownPods(self._real.config_dir)

    @cached_property
    def receipts(self) -> KeptReceipts:
        return KeptReceipts(self._real.state_dir / "receipts")

    def config(self, *, local: bool) -> Config:
        return self._local if local else self._real

    def simulator_runs(self) -> bool:
        return running(self._real.state_dir / "sim", self.transport) is not None

    def pods(self, config: Config) -> PodsApi:
        if config.api_key is None:
            raise Refused(
                "cannot ask RunPod: there is no key", KEY_HINT.format(path=config.config_dir / "config.toml")
            )
        return PodsApi(config.runpod_url, config.api_key, self.transport, clock=self.clock)

    def pods_or_none(self, config: Config) -> PodsApi | None:
        """For what works without a key as well: a pod's token is enough to read its log."""
        return self.pods(config) if config.api_key is not None else None

    def agent(self, config: Config, pod_id: str, token: Secret | None, port: int = DEFAULT_PORT) -> AgentApi:
        return AgentApi(config.agent_url(pod_id, port), token, self.transport, reader=self._reader)

    def target(self, wanted: str, *, local: bool, token_file: str | None = None) -> Target:
        """A pod by id, name or job. The token: --token-file, else POD_TOKEN, else the one we made."""
        known = self.known.find(wanted)
        config = self.config(local=local or (known is not None and known.is_local))
        given = self._given_token(token_file)
        if known is not None:
            return Target(known.id, config, known, given or Secret(known.token), known.port)
        return Target(self._id_of(wanted, config, given), config, None, given, DEFAULT_PORT)

    def agent_of(self, target: Target) -> AgentApi:
        if target.token is None:
            raise Refused(f"cannot ask pod {target.pod_id}: its token is not known here", HOW_TO_READ_TOKEN)
        return self.agent(target.config, target.pod_id, target.token, target.port)

    def remember(self, pod_id: str, status: Status | None) -> None:
        """Keep what the pod last said: a stopped pod cannot be asked."""
        if status is not None:
            self._keep_receipt(pod_id, status)
        known = next((pod for pod in self.known.all() if pod.id == pod_id), None)
        if known is None or status is None:
            return
        job = status.job.name if status.job else known.job
        plain: Mapping[str, object] = to_plain(replace(status, receipt=None))
        self.known.keep(replace(known, status=plain, job=job, seen_at=self.clock.now()))

    def with_receipt(self, pod_id: str, status: Status) -> Status:
        """A status that was kept here, with the receipt that came with it."""
        kept = self.receipts.of(pod_id)
        order = status.job.order if status.job is not None else None
        if status.receipt is not None or kept is None or kept.outcome is None or kept.order != order:
            return status
        return replace(status, receipt=to_plain(kept))

    def _keep_receipt(self, pod_id: str, status: Status) -> None:
        told = told_of(status) if status.receipt is not None else None
        if told is not None:
            self.receipts.keep(pod_id, told)

    def _given_token(self, token_file: str | None) -> Secret | None:
        text = self.env.get("POD_TOKEN", "")
        if token_file is not None:
            try:
                text = Path(token_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise BadInput(
                    f"cannot read the token from {token_file}", hint="it is a text file of one line"
                ) from None
        return Secret(text) if text else None

    def _id_of(self, wanted: str, config: Config, token: Secret | None) -> str:
        """A pod we did not start: asked of RunPod when there is a key, else, with its token, taken as an id."""
        if config.api_key is None:
            if token is None:
                raise NotFound(
                    f"cannot find pod '{wanted}': this machine started none of this id, name or job, and without "
                    "a key RunPod cannot be asked",
                    f"{KEY_HINT.format(path=config.config_dir / 'config.toml')}. With its token an id alone will do: "
                    f"{HOW_TO_READ_TOKEN}",
                )
            if not _ID.fullmatch(wanted):  # it becomes part of the address that the token is sent to
                raise BadInput(f"cannot ask pod '{wanted}': this is no pod's id", hint=ONLY_AN_ID)
            return wanted
        pods: tuple[Pod, ...] = self.pods(config).list()
        for pod in pods:
            if wanted in {pod.id, pod.name}:
                return pod.id
        raise NotFound(
            f"cannot find pod '{wanted}': no pod has this id, name or job", "pod-client ps lists them"
        )
