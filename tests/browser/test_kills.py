"""A sentence that must hold, seen in a real browser, with all real parts: broker, collector, health, gateway, miners."""

import os
import random
import time

from browser import Browser
from miner import Simulator
from suite import ROOT, Broker, Service, free_port

MINERS = {"127.0.9.1": "gamma-602-v2.15.0", "127.0.9.2": "nerdqaxeplus2-v1.0.36"}
# the page is live, the sentence is health's, and both miners' hashrates are as young as a poll
RIGHT = """
(document.querySelector('#now')?.innerText ?? '').includes('Live') &&
document.querySelector('#sentence').innerText.includes('All 2 miners earn') &&
document.querySelectorAll('#rows tr').length === 2 &&
[...document.querySelectorAll("#rows [data-name='hashrate']")].every((cell) => /[0-3] s ago/.test(cell.innerText))
"""


def test_broker_gateway_and_health_killed_ten_times_each_the_page_is_right_again_within_5_s():
    config = {"MINER_POLL_INTERVAL": 1, "METRICS_COLLECTION_INTERVAL": 1, "CLOCK_WAIT": 0}
    web = {"WEB_LISTEN": f"127.0.0.1:{free_port()}", **config}
    environment = {"BITAXE_WEB": os.path.join(ROOT, "web", "dist")}
    with (
        Simulator([f"{address}={body}" for address, body in MINERS.items()]) as miners,
        Broker() as broker,
        Service("collector", broker, config) as collector,
        Service("health", broker, config) as health,
        Service("gateway", broker, web, environment) as gateway,
        Browser() as page,
    ):
        gateway.wait_for_log("listens")
        for address in MINERS:
            broker.say("cmd/collector/miner-add", {"url": f"{address}:{miners.port}"}, retain=False)
        page.open(f"http://{web['WEB_LISTEN']}/monitoring")
        page.wait_for(RIGHT, 30)
        victims = [broker, gateway, health] * 10
        random.Random(1).shuffle(victims)
        late = {}
        for number, victim in enumerate(victims):
            victim.kill()
            victim.start()
            started = time.monotonic()
            page.wait_for(RIGHT, 15)
            took = time.monotonic() - started
            if took > 5:
                late[number] = (type(victim).__name__, getattr(victim, "name", ""), round(took, 1))
        assert not late
        assert collector.is_running()

