"""What can be rented: GPU types with prices and stock, CPU flavours, data centres. Fixed tables, pure look-ups.

The figures are examples of the right size, not RunPod's prices of any day.
"""

from __future__ import annotations

from dataclasses import dataclass

CPU_PER_HOUR = 0.03  # $ per vCPU
CPU_FLAVOURS = {"cpu3c": 2, "cpu3g": 4, "cpu3m": 8, "cpu5c": 2, "cpu5g": 4, "cpu5m": 8}  # GB per vCPU
DATA_CENTERS = {
    "US-KS-2": "US Kansas 2",
    "US-TX-3": "US Texas 3",
    "EU-RO-1": "EU Romania 1",
    "CA-MTL-3": "CA Montreal 3",
}
CUDA_VERSION = "12.8"


@dataclass(frozen=True, slots=True)
class GpuType:
    """One kind of GPU. Prices are $/h for one; a ``None`` means that cloud does not have it."""

    id: str
    name: str
    memory_gb: int
    secure_price: float
    community_price: float
    max_count: int
    stock: str
    pool: str | None = None

    def price(self, cloud: str) -> float:
        return self.community_price if cloud == "COMMUNITY" else self.secure_price


GPUS = (
    GpuType("NVIDIA GeForce RTX 4090", "RTX 4090", 24, 0.69, 0.34, 8, "HIGH", "ADA_24"),
    GpuType("NVIDIA L4", "L4", 24, 0.43, 0.39, 8, "LOW", "AMPERE_24"),
    GpuType("NVIDIA RTX A4000", "RTX A4000", 16, 0.25, 0.17, 8, "MEDIUM", "AMPERE_16"),
    GpuType("NVIDIA A100 80GB PCIe", "A100 PCIe", 80, 1.64, 1.19, 8, "MEDIUM", "AMPERE_80"),
    GpuType("NVIDIA H100 80GB HBM3", "H100 SXM", 80, 2.99, 2.69, 8, "HIGH", "ADA_80_PRO"),
    GpuType("NVIDIA H200", "H200 SXM", 141, 3.99, 3.59, 8, "LOW", None),
    GpuType("NVIDIA B200", "B200", 180, 5.99, 5.99, 8, "NONE", None),
)


def find(gpu_id: str) -> GpuType | None:
    return next((gpu for gpu in GPUS if gpu.id == gpu_id), None)


def stock(gpu: GpuType, count: int) -> str:
    return gpu.stock if count <= gpu.max_count else "NONE"


def is_placeable(gpu_id: str, count: int, data_centers: tuple[str, ...]) -> bool:
    """Whether a create for it would find a machine."""
    gpu = find(gpu_id)
    known = not data_centers or any(name in DATA_CENTERS for name in data_centers)
    return gpu is not None and known and stock(gpu, count) != "NONE"


def place(data_centers: tuple[str, ...]) -> str:
    return next((name for name in data_centers if name in DATA_CENTERS), next(iter(DATA_CENTERS)))


def gpu_view(gpu: GpuType, count: int | None) -> dict[str, object]:
    """A GpuType of the API; with a count, its availability as well."""
    view: dict[str, object] = {
        "id": gpu.id,
        "name": gpu.name,
        "pool": gpu.pool,
        "manufacturer": "NVIDIA",
        "memory": gpu.memory_gb,
        "secure": True,
        "community": True,
        "price": {"secure": gpu.secure_price, "community": gpu.community_price},
        "maxCount": {"secure": gpu.max_count, "community": gpu.max_count},
    }
    if count is None:
        return view
    level = stock(gpu, count)
    view["availability"] = level
    if level != "NONE":
        view["dataCenters"] = [
            {"id": id_, "name": name, "availability": level} for id_, name in DATA_CENTERS.items()
        ]
        view["cudaVersions"] = [{"version": CUDA_VERSION, "available": True}]
    return view
