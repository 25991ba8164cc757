"""What a program can be told on its command line, found in its text. One file per way of declaring it."""
