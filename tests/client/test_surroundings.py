"""Where the command runs: terminals without our letters, certificates that are not there, proxies with a login."""

from __future__ import annotations

import base64
import json
import socket
import threading
from dataclasses import replace

import pytest

from pod_client.session import way_to
from pod_client.stream import open_stream
from pod_wire.errors import Unreachable
from tests.client.conftest import UP


@pytest.mark.parametrize(
    "command", [("ps", "--json"), ("ps",), ("status", "pod1", "--json"), ("status", "pod1")]
)
def test_a_terminal_that_cannot_write_a_name_shows_it_escaped(pod, command):
    """No traceback for want of a letter, and JSON stays JSON."""
    assert pod.run(*UP, "--detach")[0] == 0
    pod.runpod.pods["pod1"]["name"] = "podkeep-日本-1"
    pod.agent.status = replace(pod.agent.status, warnings=("日本 …",))
    code, out, err = pod.run(*command, PYTHONIOENCODING="latin-1")
    assert code == 0, err
    if "--json" in command:
        assert "日本" in json.dumps(json.loads(out), ensure_ascii=False)


def test_certificates_that_are_not_there_are_named(pod):
    """A wrong REQUESTS_CA_BUNDLE is an error with its remedy."""
    code, _, err = pod.run("ps", REQUESTS_CA_BUNDLE="/nowhere", POD_RUNPOD_URL="https://127.0.0.2:9/v2")
    assert code == 3
    assert "REQUESTS_CA_BUNDLE" in err
    assert "Traceback" not in err


def test_braces_of_the_proxys_address_are_checked_before_a_pod_is_made(pod):
    """An address that cannot be filled in is found before anything is billed."""
    code, _, err = pod.run(*UP, POD_PROXY_URL="https://{id}-{port}.example")
    assert code == 2
    assert "{pod}" in err
    assert pod.runpod.calls == []


def test_a_token_goes_to_no_address_made_of_a_pods_name(pod):
    """Without a key the name is the id, and part of an address: nothing but an id is taken."""
    code, _, err = pod.run("logs", "evil.example/x?", RUNPOD_API_KEY="", POD_TOKEN="t" * 43)
    assert code == 2
    assert "no pod's id" in err
    assert pod.agent.requests == []


def test_a_stream_logs_in_at_the_proxy_in_between(monkeypatch):
    """The log's stream takes the same proxy as everything else, with the login of its address."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def listen():
            caller, _ = proxy.accept()
            heard.append(caller.recv(4096))
            caller.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")
            caller.close()

        listener = threading.Thread(target=listen)
        listener.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:s%40cret@127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("https_proxy", raising=False)
        assert "cret" not in repr(way_to("https://pod.example"))
        with pytest.raises(Unreachable):
            open_stream("https://pod.example/logs", None)
        listener.join()
    login = base64.b64encode(b"me:s@cret")
    assert b"CONNECT pod.example:443" in heard[0]
    assert b"Proxy-Authorization: Basic " + login in heard[0]
