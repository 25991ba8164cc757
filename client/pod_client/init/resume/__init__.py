"""How a training goes on from a checkpoint, recognised in its code. One file per family of frameworks."""
