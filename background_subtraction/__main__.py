"""`python -m background_subtraction`."""

import sys

from background_subtraction.cli.main import main

sys.exit(main(program="python -m background_subtraction"))
