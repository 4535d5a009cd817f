#!/usr/bin/python3
"""What anybody would write first: a row a sample in SQLite, WAL and synchronous=FULL as ours, a commit each five minutes.

plain.py DATABASE: reads "MINUTES" from a line, writes as many, answers with a line; ends with its input.
"""

import sqlite3
import sys

import samples

COMMIT_MINUTES = 5


def main():
    database = sqlite3.connect(sys.argv[1], isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE sample(series INTEGER NOT NULL, time INTEGER NOT NULL, value REAL NOT NULL)")
    database.execute("CREATE INDEX sample_series_time ON sample(series, time)")
    fleet, minute = samples.Fleet(), 0
    for line in sys.stdin:
        for _ in range(int(line)):
            if minute % COMMIT_MINUTES == 0:
                database.execute("BEGIN")
            for miner, values in enumerate(fleet.minute()):
                rows = ((miner * samples.METRICS + i, minute * 60, value) for i, value in enumerate(values))
                database.executemany("INSERT INTO sample VALUES(?, ?, ?)", rows)
            minute += 1
            if minute % COMMIT_MINUTES == 0:
                database.execute("COMMIT")
        print("written", flush=True)


if __name__ == "__main__":
    main()
