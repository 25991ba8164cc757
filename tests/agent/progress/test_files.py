"""Files that tell progress: event files, trainer_state.json and metrics.csv, whole, torn, odd, and found with care."""

from __future__ import annotations

import importlib.util
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_agent.progress import metrics_csv, tensorboard, tfrecord, trainer_state
from pod_agent.progress.places import Places, find


def framed(record):
    head = struct.pack("<Q", len(record))
    crcs = [struct.pack("<I", tfrecord.masked(part)) for part in (head, record)]
    return head + crcs[0] + record + crcs[1]


def event(step, tag, value):
    """An event with one scalar in the old field."""
    scalar = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(scalar)]) + scalar
    return (
        b"\x09" + struct.pack("<d", 1.0) + b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary
    )


def test_the_check_sum_is_castagnoli_s():
    """The digits nine to one have the check sum that the polynomial's authors published."""
    assert tfrecord.crc32c(b"123456789") == 0xE3069283


def test_a_torn_end_is_read_up_to_it():
    """Every whole record is found, a torn one is left for the next look, a wrong one ends the reading."""
    whole = framed(event(3, "loss", 0.5)) + framed(event(4, "loss", 0.25))
    for cut in range(len(whole)):
        found = tfrecord.read(whole[:cut])
        assert len(found.found) == (1 if cut >= len(whole) // 2 else 0)
        assert not found.broken
    bad = bytearray(whole)
    bad[20] ^= 1
    assert tfrecord.read(bytes(bad)).broken


def test_a_record_of_megabytes_is_skipped():
    """A picture is not looked into: what follows it is found where it ends."""
    large = framed(b"x" * (tfrecord.LARGEST + 10))
    first = tfrecord.read(large[:5000])
    assert first.used + first.skip == len(large)
    assert not first.broken


def test_scalars_of_an_event():
    """Step and loss are read; an event without scalars says nothing."""
    found = tensorboard.read(event(7, "train/loss", 0.5))
    assert (found.step, found.loss) == (7, 0.5)
    assert tensorboard.read(b"\x09" + struct.pack("<d", 1.0)) is None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_no_bytes_raise(data, place, value):
    """Whatever a file holds, also a record with one byte changed, its reader answers."""
    odd = bytearray(event(7, "train/loss", 0.5))
    odd[place % len(odd)] = value
    for one in (data, bytes(odd)):
        tensorboard.read(one)
        tfrecord.read(one)
        trainer_state.read(one)
        metrics_csv.read(b"step,loss\n", b"\n" + one + b"\n")
        metrics_csv.read(one, one)


def test_the_trainer_s_state():
    """Step, last step, epochs and the newest loss, which need not be in the last entry."""
    history = [{"loss": 0.7, "step": 8}, {"loss": 0.6, "step": 16}, {"eval_loss": 0.5, "step": 16}]
    state = {"global_step": 16, "max_steps": 48, "epoch": 1.0, "num_train_epochs": 3, "log_history": history}
    found = trainer_state.read(json.dumps(state).encode())
    assert (found.step, found.total, found.epoch, found.epochs, found.loss) == (16, 48, 1.0, 3.0, 0.6)
    assert trainer_state.read(json.dumps(state).encode()[:-5]) is None


def test_the_rows_of_a_csv():
    """As Lightning writes them: steps from zero, values spread over rows, the last line perhaps torn."""
    head = b"epoch,step,train_loss,val_loss\n"
    rows = head + b"2,43,3.1e-07,\n2,47,4.8e-08,\n2,47,,2.5e-08\n2,5"
    found = metrics_csv.read(head, rows)
    assert (found.step, found.epoch, found.loss) == (48, 2.0, 4.8e-08)
    assert metrics_csv.read(b"name,age\n", b"\nx,3\n") is None


def test_files_are_found_with_care(tmp_path):
    """The newest of each kind counts, older ones than the run do not, and a walk through a heap ends."""
    heap = tmp_path / "heap"
    heap.mkdir()
    for name in range(60):
        (heap / str(name)).touch()
    deep = tmp_path / "lightning_logs" / "version_0"
    deep.mkdir(parents=True)
    (deep / "metrics.csv").write_bytes(b"step,loss\n1,0.5\n")
    assert find(heap.parent, 0.0, most=50) == {}
    assert find(tmp_path / "lightning_logs", 0.0) == {"metrics.csv": str(deep / "metrics.csv")}
    assert find(tmp_path / "lightning_logs", deep.stat().st_mtime + 1000) == {}
    assert find(tmp_path / "nowhere", 0.0) == {}


def test_an_event_file_is_read_on_where_it_ended(tmp_path):
    """What was read is not read again, what has come is; a look too soon reads nothing."""
    file = tmp_path / "events.out.tfevents.1.host"
    file.write_bytes(framed(event(1, "loss", 0.5)))
    places = Places(tmp_path, 0.0)
    assert [one.step for one in places.look(100.0)] == [1]
    with file.open("ab") as more:
        more.write(framed(event(2, "loss", 0.25))[:-3])
    assert places.look(101.0) == []
    assert places.look(110.0) == []
    with file.open("ab") as more:
        more.write(framed(event(2, "loss", 0.25))[-3:])
    assert [one.step for one in places.look(120.0)] == [2]


@pytest.mark.torch
@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_what_torch_writes(tmp_path):
    """Files of the real SummaryWriter are read to their end, in the old style and the new, past text and histograms."""
    import torch  # noqa: PLC0415 - where it is
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(5):
            writer.add_scalar("train/loss", 1 / (step + 1), step * 10)
        writer.add_text("note", "hello")
        writer.add_histogram("weights", torch.arange(10.0), 41)
        writer.add_scalar("loss", 0.125, 44, new_style=True)
        writer.add_scalar("loss", 0.0625, 45, new_style=True, double_precision=True)
    found = Places(tmp_path, 0.0).look(100.0)
    assert [one.step for one in found] == [0, 10, 20, 30, 40, 44, 45]
    assert [one.loss for one in found][-3:] == pytest.approx([0.2, 0.125, 0.0625])
