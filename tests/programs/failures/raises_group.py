"""Two tasks fail at once."""

raise ExceptionGroup("two tasks failed", [FileNotFoundError(2, "No such file or directory", "shard-7.tar")])
