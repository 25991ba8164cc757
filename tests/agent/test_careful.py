"""What the job's environment is spared: switches it cannot honour, caches in the wrong place, builds without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pod_agent.run.environment import careful, index_logins, refusals
from pod_agent.run.environment.mounts import on_other_mounts
from pod_agent.run.environment.slow_builds import ADVICE, SLOW_S, USUAL, SlowBuilds
from pod_agent.run.work import Work
from pod_wire.clock import RealClock

PIP = b"  Building wheel for %s (pyproject.toml): %s\n"
ELSEWHERE = Path("/proc")  # another mount than any disk


def test_caches_that_are_linked_or_compiled_lie_on_the_containers_disk():
    """Beside the environments, where hard links work; downloads of models on the volume, where they survive."""
    told = careful.caches({}, Path("/podkeep"), ELSEWHERE)
    assert told["UV_CACHE_DIR"] == "/podkeep/cache/uv"
    assert told["PIP_CACHE_DIR"] == "/podkeep/cache/pip"
    assert told["TRITON_CACHE_DIR"] == "/podkeep/cache/triton"
    assert told["HF_HUB_CACHE"] == "/proc/.cache/huggingface/hub"
    assert "HF_HOME" not in told


def test_what_the_user_set_stands(tmp_path):
    """No cache is moved that somebody has put somewhere, by whichever of its names."""
    mine = {
        "PIP_NO_CACHE_DIR": "1", "UV_CACHE_DIR": "/dev/shm/uv", "TRITON_HOME": "/t", "HF_HOME": "/workspace/hf",
        "TORCHINDUCTOR_CACHE_DIR": "/i", "XDG_CACHE_HOME": "/workspace/.cache",
    }  # fmt: skip
    told = careful.caches(mine, tmp_path, ELSEWHERE)
    assert told.keys() <= {"UV_LINK_MODE"}
    assert mine.keys() & told.keys() == set()


def test_links_are_copies_only_where_links_fail(tmp_path):
    """A cache on another file system is copied out of, without a warning for each package."""
    far = {"UV_CACHE_DIR": "/dev/shm/uv"}
    is_far = Path("/dev/shm").stat().st_dev != tmp_path.stat().st_dev
    assert (careful.caches(far, tmp_path, tmp_path).get("UV_LINK_MODE") == "copy") == is_far
    assert "UV_LINK_MODE" not in careful.caches({"UV_CACHE_DIR": str(tmp_path / "uv")}, tmp_path, tmp_path)
    assert "UV_LINK_MODE" not in careful.caches(far | {"UV_LINK_MODE": "hardlink"}, tmp_path, tmp_path)


def test_without_a_volume_downloads_stay_where_they_would_be(tmp_path):
    """On one disk there is nothing that outlives it."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "workspace").mkdir()
    assert not on_other_mounts(tmp_path / "disk", tmp_path / "workspace")
    assert "HF_HUB_CACHE" not in careful.caches({}, tmp_path / "disk", tmp_path / "workspace")


def heard(env, tmp_path):
    log = bytearray()
    own = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "HOME": str(tmp_path)}
    gone = careful.unfit(own | env, tmp_path, Work(log.extend, RealClock()))
    return gone, log.decode()


def test_a_switch_without_its_package_is_unset(tmp_path):
    """Images set HF_HUB_ENABLE_HF_TRANSFER; without hf_transfer it ends every download. One line says so."""
    gone, log = heard(
        {"HF_HUB_ENABLE_HF_TRANSFER": "1", "MPLBACKEND": "module://no_such_backend.x"}, tmp_path
    )
    assert gone == ("HF_HUB_ENABLE_HF_TRANSFER", "MPLBACKEND")
    assert log.count("\n") == 2
    assert "HF_HUB_ENABLE_HF_TRANSFER is unset for the job: its environment has no hf_transfer" in log


def test_a_switch_that_can_be_honoured_stands(tmp_path):
    """With the package, in the environment or by PYTHONPATH, and where the switch is off, nothing is said."""
    (tmp_path / "hf_transfer.py").write_text("")
    assert heard({"HF_HUB_ENABLE_HF_TRANSFER": "1", "PYTHONPATH": str(tmp_path)}, tmp_path) == ((), "")
    assert heard({"HF_HUB_ENABLE_HF_TRANSFER": "0", "MPLBACKEND": "agg"}, tmp_path) == ((), "")
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages" / "hf_transfer"
    site.mkdir(parents=True)
    told = heard(
        {"HF_HUB_ENABLE_HF_TRANSFER": "true", "VIRTUAL_ENV": str(tmp_path / "venv"), "PATH": "/none"},
        tmp_path,
    )
    assert told == ((), "")


def test_a_python_that_cannot_be_asked_keeps_its_switches(tmp_path):
    """Who has no Python may have another program that reads the switch."""
    assert heard({"HF_HUB_ENABLE_HF_TRANSFER": "1", "PATH": "/nonexistent"}, tmp_path) == ((), "")


def test_a_build_of_three_minutes_is_said_once_with_the_usual_way_out():
    """The package is named, with what people do instead of waiting for an hour."""
    builds = SlowBuilds()
    assert builds.hear(PIP % (b"flash-attn", b"started"), 100.0) == ()
    assert builds.hear(b"", 100.0 + SLOW_S - 1) == ()
    (words,) = builds.hear(b"", 100.0 + SLOW_S)
    assert (
        words == f"flash-attn has been building from its sources for 3 minutes; usual: {ADVICE['flash-attn']}"
    )
    assert builds.building == "flash-attn"
    assert builds.hear(b"still compiling\n", 100.0 + 10 * SLOW_S) == ()


def test_a_quick_build_is_never_mentioned():
    """Also when others follow it for long, each within its time, and when lines come in pieces."""
    builds = SlowBuilds()
    now = 0.0
    for name in (b"one", b"two", b"three"):
        begins = PIP % (name, b"started")
        assert builds.hear(begins[:20], now) == ()
        assert builds.hear(begins[20:], now) == ()
        now += SLOW_S - 1
        assert builds.hear(PIP % (name, b"finished with status 'done'"), now) == ()
    assert builds.hear(b"", now + 1000) == ()


def test_uvs_builds_are_understood_and_names_in_any_spelling():
    """uv builds several at once; a name with other dots and dashes is the same package."""
    builds = SlowBuilds()
    builds.hear(b"   Building Flash_Attn==2.7.0\n   Building mine @ file:///code\n", 0.0)
    builds.hear(b"      Built mine @ file:///code\n", 10.0)
    (words,) = builds.hear(b"", SLOW_S)
    assert words.startswith("Flash_Attn has been building")
    assert ADVICE["flash-attn"] in words
    builds = SlowBuilds()
    builds.hear(PIP % (b"unheard-of", b"started"), 0.0)
    assert USUAL in builds.hear(b"", SLOW_S)[0]


def test_a_slow_build_is_said_by_a_real_program(tmp_path):
    """The installer is silent while it compiles; it is asked about several times a second all the same."""
    asked = []

    def hear(data):
        asked.append(data)
        if asked.count(b"") == 2:
            (tmp_path / "enough").touch()

    program = (
        "import os, time\nprint('begun', flush=True)\nend = time.monotonic() + 60\n"
        "while not os.path.exists('enough') and time.monotonic() < end: time.sleep(0.02)"
    )
    work = Work(lambda _: None, RealClock())
    work.run([sys.executable, "-c", program], cwd=tmp_path, env={"PATH": os.defpath}, hear=hear)
    assert b"begun\n" in asked
    assert asked.count(b"") >= 2


def test_index_logins_leave_the_variables_and_come_by_memory():
    """Each URL without its login; the login, decoded, in a netrc that is no file on any disk, beside the user's."""
    env = {
        "PIP_INDEX_URL": "https://me:s%40cret-1@a.example/simple/",
        "PIP_EXTRA_INDEX_URL": "https://b.example/simple https://you:other-secret@c.example:8443/simple",
        "UV_DEFAULT_INDEX": "https://me:s%40cret-1@a.example/simple/",
        "HOME": "/nonexistent",
    }
    with index_logins.hidden(env, index_logins.Logins()) as inside:
        assert inside["PIP_INDEX_URL"] == "https://a.example/simple/"
        assert inside["PIP_EXTRA_INDEX_URL"] == "https://b.example/simple https://c.example:8443/simple"
        assert inside["UV_DEFAULT_INDEX"] == env["UV_DEFAULT_INDEX"]
        read = subprocess.run(["cat", inside["NETRC"]], capture_output=True, text=True, check=True).stdout
        assert "machine a.example login me password s@cret-1\n" in read
        assert "machine c.example login you password other-secret\n" in read
    assert not Path(inside["NETRC"]).exists()


def test_a_login_that_a_netrc_cannot_say_stays_in_its_url():
    """Spaces, quotes, no password, or two logins for one host: pip gets the URL as it was."""
    for url in (
        "https://me:a%20b@a.example/", "https://only-a-token@a.example/", "https://me:%22@a.example/",
        "https://me:one@a.example/ https://me:two@a.example/", "https://[broken", "/a/folder of wheels",
    ):  # fmt: skip
        with index_logins.hidden({"PIP_INDEX_URL": url}, index_logins.Logins()) as inside:
            assert inside["PIP_INDEX_URL"].split()[-1] == url.split()[-1]


def test_words_that_nobody_knows_are_no_refusal():
    """What an installer says of its own is shown as it is, and the first meaning that is sure wins over the others."""
    assert refusals.refusal("something entirely new") is None
    both = "WARNING: 401 Error, Credentials not correct\nERROR: No matching distribution found for x"
    assert "login" in refusals.refusal(both).reason
    assert (
        refusals.refusal("No space left on device; Read timed out").reason == "the container's disk is full"
    )
