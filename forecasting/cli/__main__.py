"""``python -m forecasting.cli`` is the ``forecast`` command."""

import sys

from forecasting.cli.command import main

sys.exit(main())
