"""How many cells there are, for the README: nothing is run to count them."""

from __future__ import annotations

from tests.faults.retry_table import RETRY_CELLS
from tests.faults.table import CELLS

CELL_COUNT = len(CELLS) + len(RETRY_CELLS)
