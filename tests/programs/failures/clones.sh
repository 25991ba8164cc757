# A clone by git, as a step of the command.
GIT_TERMINAL_PROMPT=0 git clone -q "$1" clone
