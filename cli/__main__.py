"""`python -m fastdnn.cli` is the `fastdnn` command."""

from fastdnn.cli.main import main

main()
