"""Five megabytes of words, then an error with a message of another one."""

for number in range(50000):
    print(f"note {number}: " + "x" * 90)
raise ValueError("too long: " + "y" * 60000)
