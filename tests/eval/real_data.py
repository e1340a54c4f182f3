"""Where the benchmarks' own files lie: they are not shipped, and tests on them are skipped without them."""

from __future__ import annotations

import os
from pathlib import Path

# truthfulqa/, hh_rlhf/, mt_bench/, xstest/ and imdb/ are looked for here.
REAL_DATA = Path(os.environ.get("UDASA_REAL_DATA", "real-data"))
