"""Public keys out of variables: every form in which they come, and what is said about those that are none."""

from __future__ import annotations

import base64
import random
import subprocess
import sys

import pytest

from pod_agent.pod.sshd_keys import authorized, find, lines, read, warning
from pod_agent.settings import Settings, ssh_asked

ED = "ssh-ed25519"


def body(kind, *parts):
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (kind.encode(), *parts))
    return base64.b64encode(blob).decode()


GOOD = f"{ED} {body(ED, b'a' * 32)} me@laptop"
OTHER = f"{ED} {body(ED, b'b' * 32)}"
RSA = f"ssh-rsa {body('ssh-rsa', b'abc', b'n' * 257)} rsa key"
SK = "sk-ssh-ed25519@openssh.com"
HARDWARE = f"{SK} {body(SK, b'c' * 32, b'ssh:')} token"


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (GOOD, 1),
        (f"{GOOD}\n{OTHER}\n", 2),
        (f"{GOOD}\\n{OTHER}\\n", 2),
        (f"{GOOD}\r\n{OTHER}\r\n", 2),
        (f"{GOOD}\\r\\n{OTHER}", 2),
        (f'"{GOOD}\\n{OTHER}"', 2),
        (f"\n\n# a comment\n  {GOOD}  \n\t\n{RSA}\n{HARDWARE}", 3),
        (f"{GOOD}\n{GOOD.replace('me@laptop', 'the same')}", 1),
        (f"{GOOD}\\n{OTHER}\n{RSA}", 3),
        (f"\ufeff{GOOD}\r\n", 1),
        (f"command=\"printf 'a\\nb'\" {GOOD}\\n{OTHER}", 2),
        ("", 0),
        ("   \n\n", 0),
        ("# only a comment", 0),
    ],
)
def test_keys_come_on_lines_or_escaped(value, count):
    """Several lines, one line with backslash-n, quotes around it all, comments; each key once."""
    found = find({"PUBLIC_KEY": value})
    assert (len(found.keys), found.bad) == (count, ())


def test_a_comment_may_hold_a_backslash_where_there_are_real_lines():
    """Only a value without line ends is taken for an escaped one."""
    assert lines("one\\ntwo\nthree") == ["one\\ntwo", "three"]


def test_three_variables_give_each_key_once_in_their_order():
    """What two variables hold is one key."""
    found = find({"AUTHORIZED_KEYS": f"{RSA}\n{GOOD}", "PUBLIC_KEY": GOOD, "SSH_PUBLIC_KEY": OTHER})
    assert [key.comment for key in found.keys] == ["me@laptop", "", "rsa key"]


@pytest.mark.parametrize(
    "options",
    [
        "no-pty",
        'from="10.0.0.0/8,192.168.1.1"',
        'no-agent-forwarding,environment="A=b c",no-X11-forwarding',
        'from="a\\"b"',
    ],
)
def test_options_before_a_key_are_kept(options):
    """They stand beside our login; quotes and commas within quotes are theirs."""
    key = read(f"{options} {GOOD}")
    assert (key.options, key.has_own_command) == (options, False)
    assert authorized((key,), "/run/login") == f'command="exec sh /run/login",{options} {GOOD}\n'.encode()


@pytest.mark.parametrize(
    ("options", "own"),
    [
        ('command="rsync --server"', True),
        ('restrict,Command="x"', True),
        ('environment="A=,command=x"', False),
        ('environment="A=,command=\\"x\\""', False),
    ],
)
def test_a_key_with_a_command_of_its_own_gets_that_and_no_more(options, own):
    """A restricted key must not become a whole login."""
    key = read(f"{options} {GOOD}")
    assert key.has_own_command is own
    assert (b"/run/login" in authorized((key,), "/run/login")) is not own


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("hello", "no public key"),
        (GOOD[:-30], "cut off or damaged"),
        (GOOD.replace("AAAA", "BBBB"), "cut off or damaged"),
        (f"ssh-rsa {body(ED, b'a' * 32)}", "cut off or damaged"),
        (f"{ED} {body(ED)}", "cut off or damaged"),
        (f'command="unclosed {GOOD}', "before it that is no option"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        ("{{ RUNPOD_SECRET_key }}", "no public key"),
        ("ssh-ed25519", "cut off or damaged"),
        ("\0\udcff", "no public key"),
    ],
)
def test_a_bad_line_is_named_by_number_and_variable_only(line, words):
    """Among good ones it is skipped; not a letter of it is said."""
    found = find({"SSH_PUBLIC_KEY": f"{GOOD}\n{line}\n{OTHER}"})
    assert len(found.keys) == 2
    (said,) = found.bad
    assert said.startswith(
        f"SSH_PUBLIC_KEY, line 2: {words}" if words[0] == "n" else "SSH_PUBLIC_KEY, line 2: a"
    )
    assert words in said
    assert line not in warning(found.bad)


CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{CERTIFICATE} {body(CERTIFICATE, b'n' * 32, b'a' * 32)} me", "a certificate"),
        (f"ssh-dss {body('ssh-dss', b'p' * 128, b'q' * 20, b'g' * 128, b'y' * 128)}", "a DSA key"),
        (f"no-such-option {GOOD}", "something before it that is no option"),
        (f"no-pty,Hello {GOOD}", "something before it that is no option"),
        (f"PUBLIC_KEY={GOOD}", "something before it that is no option"),
        ("---- BEGIN SSH2 PUBLIC KEY ----", "ssh-keygen -i -f FILE"),
    ],
)
def test_a_line_that_sshd_would_pass_over_in_silence_is_named(line, words):
    """It looks like a key, and nobody would come in by it: what is wrong is said."""
    found = find({"PUBLIC_KEY": f"{line}\n{OTHER}"})
    assert [key.body for key in found.keys] == [OTHER.split()[1]]
    assert words in found.bad[0]


def test_two_keys_on_one_line_are_told():
    """A shell has lost the line's end: the first key counts, and the other is not lost in silence."""
    found = find({"PUBLIC_KEY": f"{GOOD} {OTHER}"})
    assert [key.body for key in found.keys] == [GOOD.split()[1]]
    assert found.bad == (
        "PUBLIC_KEY, line 1: more keys than one; only the first counts, each needs a line of its own",
    )


def test_options_are_known_whatever_their_letters():
    """sshd reads them so; those with values too."""
    options = 'NO-PTY,from="a,b",Permitopen="x:1",cert-authority,expiry-time="20300101"'
    assert read(f"{options} {GOOD}").options == options


def test_a_private_key_is_one_line_and_named_first(tmp_path):
    """Whatever its length and however it was pasted, not a line of it is told, and the keys after it count."""
    argv = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(argv, check=True)
    private = (tmp_path / "key").read_text()
    junk = "\n".join(["junk"] * 9)
    putty = "PuTTY-User-Key-File-2: ssh-ed25519\nPrivate-Lines: 1\nAAAA\nPrivate-MAC: 77"
    cut = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn"
    for pasted in (private, private.replace("\n", "\\n"), private.replace("\n", "\r\n"), putty, cut):
        end = "\\n" if "\n" not in pasted else "\n"
        found = find({"SSH_PUBLIC_KEY": junk, "PUBLIC_KEY": f"{pasted}{end}{OTHER}"})
        assert len(found.keys) == 1
        assert len(found.bad) == 10
        assert found.bad[0].startswith("PUBLIC_KEY, line 1: a private key")
        assert not [line for line in pasted.split() if len(line) > 20 and line in warning(found.bad)]


def test_many_bad_lines_are_one_short_sentence():
    """Five are named, the rest counted."""
    found = find({"PUBLIC_KEY": "\n".join("x" * 40 for _ in range(1000))})
    assert warning(found.bad).endswith("and 995 more")
    assert len(warning(found.bad)) < 500


def test_no_value_makes_a_line_that_means_something_else():
    """Over random garbage: each key is one line of the file, and nothing is raised."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    pieces = [
        GOOD,
        OTHER,
        "\n",
        "\\n",
        '"',
        ",",
        "\\",
        " ",
        "\t",
        "=",
        'command="x"',
        "\0",
        "\x85",
        "\u2028",
        "é",
        "\udc80",
    ]
    for _ in range(3000):
        found = find({"PUBLIC_KEY": "".join(rng.choice(pieces) for _ in range(rng.randrange(12)))})
        written = authorized(found.keys, '/run/it\'s a "login"')
        assert written.count(b"\n") == len(found.keys)
        assert len(written.decode().splitlines()) == len(found.keys)


def test_a_long_line_of_quotes_is_read_at_once():
    """No line makes the reading take for ever."""
    for text in ('a="\\",' * 20_000, 'a="\\"' * 20_000, "a," * 50_000, 'a="' * 30_000, "a-" * 50_000):
        assert read(text) is None


def test_ssh_keygen_understands_what_is_written(tmp_path):
    """Real keys of the usual kinds, with options, come back as they are."""
    made = []
    for kind, bits in (("ed25519", "256"), ("rsa", "1024"), ("ecdsa", "256")):
        argv = ["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", str(tmp_path / kind)]
        subprocess.run(argv, check=True)
        made.append((tmp_path / f"{kind}.pub").read_text().strip())
    found = find({"AUTHORIZED_KEYS": "\\n".join(made)})
    assert len(found.keys) == 3
    (tmp_path / "keys").write_bytes(authorized(found.keys, "/run/a b/login"))
    said = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "keys")], capture_output=True, text=True, check=True
    ).stdout
    assert len(said.splitlines()) == 3


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({}, (False, 22, ())),
        ({"RUNPOD_POD_ID": "abc"}, (True, 22, ())),
        ({"PODKEEP_SSH_PORT": "2222"}, (True, 2222, ())),
        ({"PODKEEP_SSH_PORT": "127.0.0.1:2222"}, (True, 2222, ("127.0.0.1",))),
        ({"PODKEEP_SSH_PORT": "[::1]:2222"}, (True, 2222, ("[::1]",))),
        ({"PODKEEP_SSH_PORT": "0"}, (False, 22, ())),
        ({"PODKEEP_SSH_PORT": "evil\nPort 1:22"}, (False, 22, ())),
        ({"PODKEEP_SSH_PORT": "70000", "RUNPOD_POD_ID": "abc"}, (True, 22, ())),
        ({"PODKEEP_SSH_PORT": "ssh"}, (False, 22, ())),
    ],
)
def test_where_sshd_is_wanted(env, wanted):
    """On a pod at 22; elsewhere only where a port asks for it."""
    asked = ssh_asked(env)
    assert (asked.is_wanted, asked.port, asked.addresses) == wanted
    assert Settings.from_env(env).ssh == asked
