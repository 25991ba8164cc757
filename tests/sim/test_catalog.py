"""The catalogue: prices by cloud, stock by count."""

from __future__ import annotations

import pytest

from pod_sim import catalog


def test_availability_is_shown_when_asked_for_only():
    """Without a count there is no availability in the view."""
    gpu = catalog.find("NVIDIA L4")
    assert "availability" not in catalog.gpu_view(gpu, None)
    assert catalog.gpu_view(gpu, 1)["availability"] == "LOW"


def test_what_is_nowhere_has_no_data_centers():
    """A type out of stock omits `dataCenters`."""
    assert "dataCenters" not in catalog.gpu_view(catalog.find("NVIDIA B200"), 1)


def test_every_level_of_stock_occurs():
    """NONE, LOW, MEDIUM and HIGH are all in the table, so that clients meet them."""
    assert {gpu.stock for gpu in catalog.GPUS} == {"NONE", "LOW", "MEDIUM", "HIGH"}


@pytest.mark.parametrize(
    ("gpu", "count", "places", "fits"),
    [
        ("NVIDIA L4", 8, (), True),
        ("NVIDIA L4", 9, (), False),
        ("NVIDIA L4", 1, ("X", "EU-RO-1"), True),
        ("?", 1, (), False),
    ],
)
def test_placement_needs_stock_and_a_known_place(gpu, count, places, fits):
    """A create finds a machine when the count and one of the data centres exist."""
    assert catalog.is_placeable(gpu, count, places) is fits
