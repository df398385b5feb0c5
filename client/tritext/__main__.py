"""`python -m tritext`, by which launchers of several processes (accelerate, torchrun) start the command."""

from tritext.cli import main

main()
