"""Nothing recorded is lost: kill -9 of broker, storage and collector, over and over, with a database that is wiped, replaced
by an older copy and refused in between; what was acknowledged is in the database, once.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/integration/test_handover.py; BX_SEED=N chooses the order.
"""

import os
import random
import time

from miner import Simulator
from records import Database, Records, admit
from suite import BUILD, Broker, Service
from wait import wait_until

CYCLES = 24
FAST = {"MINER_POLL_INTERVAL": 1, "METRICS_COLLECTION_INTERVAL": 1, "STORAGE_COMMIT_INTERVAL": 1}
SIMULATOR = os.path.join(BUILD, "tests", "simulator", "bx-simulator")


def test_nothing_acknowledged_is_lost_by_any_of_24_kills():
    seed = int(os.environ.get("BX_SEED", "20260101"))
    choice = random.Random(seed)
    victims = ["broker", "storage", "collector", "both"] * (CYCLES // 4)
    choice.shuffle(victims)
    print(f"BX_SEED={seed}: {' '.join(victims)}")
    devices = ["127.1.0.1=gamma-602-v2.15.0", "127.1.0.2=nerdqaxeplus2-v1.0.36"]
    with Simulator(devices=devices, binary=SIMULATOR) as miners, Broker() as broker:
        with Service("storage", broker, FAST) as storage, Service("collector", broker, FAST) as collector:
            with Records(broker) as records:
                admit(broker, miners, "127.1.0.1", "127.1.0.2")
                kill_and_start(choice, victims, {"broker": broker, "storage": storage, "collector": collector}, records)
                settle(Database(storage), records, collector, storage)
                check_the_registry(collector)


def kill_and_start(choice, victims, services, records):
    database = Database(services["storage"])
    copy = database.path + ".copy"

    def swap(change):
        """Another database while storage is dead and its last words have been heard."""
        services["storage"].kill()
        records.catch_up()
        change()
        records.forget_acknowledgements()
        services["storage"].start()

    for cycle, victim in enumerate(victims):
        if cycle == 3:
            swap(database.remove)
        elif cycle == 6:
            wait_until(lambda: database.ask("SELECT 1 FROM open LIMIT 1"), 10, "something to copy")
            database.copy_to(copy)
        elif cycle == 9:
            swap(lambda: (database.remove(), os.rename(copy, database.path)))
        elif cycle == 11:
            swap(database.refuse)
        elif cycle == 13:
            database.permit()
        time.sleep(choice.uniform(0.1, 1.6))  # where it hits, not a wait for something
        if victim == "both":  # what storage commits now is never acknowledged, and the next storage knows only its file
            services["broker"].kill()
            time.sleep(FAST["STORAGE_COMMIT_INTERVAL"] + 0.3)
            services["storage"].kill()
            services["broker"].start()
            services["storage"].start()
            continue
        services[victim].kill()
        time.sleep(choice.uniform(0, 0.7))
        services[victim].start()


def settle(database, records, collector, storage):
    since = time.time()
    wait_until(lambda: any(key[0] == "host" and key[1] > since for key in database.keys()), 20, storage.log)
    records.catch_up()
    session = records.newest_session()  # the last collector's: nobody else says such a second
    last, acknowledged = records.keys(session), records.acknowledged()
    assert last and len(acknowledged) > 10

    wait_until(lambda: last <= database.keys(), 15, lambda: f"in the database: {sorted(last - database.keys())[:5]}")
    missing = acknowledged - database.keys()
    assert not missing, f"acknowledged and not in the database: {sorted(missing)[:5]}"
    database.assert_sound()
    assert records.newest_session() == session and collector.is_running() and storage.is_running()


def check_the_registry(collector):
    with open(os.path.join(collector.folder, "state", "collector", "miner-config.json"), encoding="utf-8") as file:
        assert file.read().count('"url"') == 2
