"""What the pod knows of its machine: GPUs, the container's CPU and memory, disks, network; a frozen sample a second.

Not here: what follows from a sample (the brakes), how it is served (``api``), asking NVIDIA's driver (``nvml``).
"""
