"""`python -m derive` is the command line."""

from derive.cli.main import main

main()
