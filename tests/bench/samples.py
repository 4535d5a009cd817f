"""Ten miners with forty metrics, a sample a minute: the same numbers for us and for what we compare with."""

import os
import random
import re

MINERS = 10
METRICS = 40
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def names():
    """(name, decimals, kind) of forty rows that a miner has and that are recorded, from the catalogue itself."""
    with open(os.path.join(ROOT, "libbus/contract/catalog.rows"), encoding="utf-8") as rows:
        text = rows.read()
    row = re.compile(r'^ROW\(\w+, "(\w+)", ([A-Z_| ]+), "[^"]*", (\d), BX_(GAUGE|COUNTER), BX_STORED,(?!.*\.part)', re.MULTILINE)
    found = [(match[1], int(match[3]), match[4]) for match in row.finditer(text) if "BX_MINER" in match[2]]
    assert len(found) >= METRICS, f"the catalogue has {len(found)} such rows, {METRICS} are wanted"
    return found[:METRICS]


class Fleet:
    """Values as they move: counters rise, every fourth gauge is a setting that hardly changes, the others tremble by 2 %."""

    def __init__(self, seed=1):
        self._random = random.Random(seed)
        self.names = names()
        self._values = [[self._random.uniform(10, 1000) for _ in self.names] for _ in range(MINERS)]

    def minute(self):
        """The next minute's values: [miner][metric]."""
        draw = self._random
        return [[self._next(values, i, draw) for i in range(len(values))] for values in self._values]

    def _next(self, values, i, draw):
        _, decimals, kind = self.names[i]
        if kind == "COUNTER":
            values[i] = int(values[i]) + draw.randrange(20)
            return values[i]
        if i % 4 == 0:
            if draw.random() < 0.001:
                values[i] = draw.uniform(10, 1000)
            return round(values[i], decimals)
        return round(values[i] * draw.uniform(0.98, 1.02), decimals)

    def members(self, values):
        """One miner's values as the members of a JSON object."""
        return ",".join(f'"{name}":{value}' for (name, _, _), value in zip(self.names, values))
