"""A command made with click."""

import click


@click.command()
@click.option("--steps", type=int, required=True)
def train(steps):
    """Trains."""


train()
