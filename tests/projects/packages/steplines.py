"""How a step is printed."""


def line(step, loss):
    """One line."""
    return f"step {step}: loss {loss:.4f}"
