"""The live page in a real browser: what it shows, what it does not invent, and how it comes back.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/browser. BX_PICTURES=FOLDER keeps screenshots.
"""

import os
import time

import pytest
from browser import Browser
from suite import ROOT, Broker, Service, free_port

PICTURES = os.environ.get("BX_PICTURES")


def now_text(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + offset))


@pytest.fixture
def broker():
    with Broker() as running:
        yield running


@pytest.fixture
def gateway(broker):
    """On a port that it finds again after a restart."""
    config = {"WEB_LISTEN": f"127.0.0.1:{free_port()}"}
    with Service("gateway", broker, config, {"BITAXE_WEB": os.path.join(ROOT, "web", "dist")}) as running:
        running.wait_for_log("listens")
        running.url = "http://" + config["WEB_LISTEN"]
        yield running


@pytest.fixture(scope="module")
def chromium():
    with Browser() as running:
        yield running


@pytest.fixture
def page(chromium, gateway):
    chromium.look()
    chromium.complaints.clear()
    chromium.open(gateway.url + "/monitoring")
    chromium.wait_for("document.title == 'Bitaxe monitoring'", 10)
    yield chromium
    chromium.open("about:blank")


def cell(id_, name):
    return f"#rows tr[data-id='{id_}'] [data-name='{name}']"


def shows(selector, text):
    """An expression for wait_for; blanks of all kinds count as one."""
    return f"(document.querySelector({selector!r})?.innerText ?? '').replace(/[\\s\\u202f]+/g, ' ').includes({text!r})"


def say_miner(broker, id_, name=None, **telemetry):
    broker.say(f"miner/{id_}/config", {"id": id_, "name": name or id_, "url": "http://10.0.0.7", "enabled": True})
    broker.say(f"miner/{id_}/availability", "online")
    broker.say(f"miner/{id_}/telemetry", {"time": now_text(), **telemetry})


FULL = {
    "hashrate": 1234.5, "efficiency": 17.23, "asic_temperature": 58.1, "vr_temperature": 61, "fan_speed": 45,
    "fan_rpm": 4521, "power": 21.3,
}  # fmt: skip


def say_all(broker):
    say_miner(broker, "gamma-3", "Gamma 3", **FULL)
    say_miner(broker, "supra-1", "Supra in the cellar", hashrate=702.25, power=14.1)
    say_miner(broker, "ultra-2", "Ultra 2", hashrate=490)
    broker.say("miner/ultra-2/availability", "offline")
    broker.say("miner/ultra-2/telemetry", {"time": now_text(-3700), "hashrate": 490})
    broker.say(
        "fleet/telemetry",
        {"time": now_text(), "hashrate": 1936.75, "power": 35.4, "efficiency": 18.3, "active_miners": 2, "enabled_miners": 3},
    )
    broker.say("host/telemetry", {"time": now_text(), "cpu_usage": 12.5, "memory_usage": 41, "load_average": 0.4})
    broker.say("service/health/availability", "online")
    broker.say("health/summary", {"overall_status": "WARNING", "sentence": "2 of 3 miners earn; Ultra 2 is silent for an hour."})


def test_it_shows_no_number_before_there_is_one(page):
    page.wait_for(shows("#now", "Live, no value yet."), 10)
    assert page.text("#sentence") == "Nobody judges this yet: the health service does not run."
    assert page.value("document.querySelector('#miners').hidden")
    figures = page.value("[...document.querySelectorAll('dd .value')].map((value) => value.textContent)")
    assert figures and set(figures) == {"—"}
    assert not page.complaints


def test_it_shows_what_is_said_when_it_is_said(broker, page):
    say_miner(broker, "gamma-3", "Gamma 3", **FULL)
    page.wait_for(shows(cell("gamma-3", "hashrate"), "1,234.50 GH/s"), 5)
    for name, text in (
        ("efficiency", "17.2 J/TH"), ("asic_temperature", "58.1 °C"), ("vr_temperature", "61.0 °C"), ("fan_speed", "45 %"),
        ("fan_rpm", "4,521 rpm"), ("power", "21.3 W"),
    ):  # fmt: skip
        assert page.value(shows(cell("gamma-3", name), text)), page.text(cell("gamma-3", name))
    assert page.value(shows("#rows tr", "Gamma 3 answers"))

    said = time.monotonic()
    broker.say("miner/gamma-3/telemetry", {"time": now_text(), "hashrate": 1300})
    page.wait_for(shows(cell("gamma-3", "hashrate"), "1,300.00 GH/s"), 2)
    assert time.monotonic() - said < 2
    # what is absent now is a dash, without a unit, and no number that once was
    assert page.text(cell("gamma-3", "power")).strip() == "—"

    broker.say("miner/gamma-3/availability", "offline")
    page.wait_for(shows("#rows tr", "silent"), 5)
    broker.say("miner/gamma-3/config", None)
    page.wait_for("document.querySelector('#miners').hidden", 5)
    assert not page.complaints


def test_old_values_look_old_and_ages_tick(broker, page):
    say_miner(broker, "old", hashrate=1)
    broker.say("miner/old/telemetry", {"time": now_text(-7300), "hashrate": 500})
    say_miner(broker, "new", hashrate=600)
    page.wait_for(shows(cell("old", "hashrate"), "2 h ago"), 5)
    assert page.value(f"document.querySelector({cell('old', 'hashrate')!r}).querySelector('.old') !== null")
    assert page.value(f"document.querySelector({cell('new', 'hashrate')!r}).querySelector('.old') === null")
    page.wait_for(shows(cell("new", "hashrate"), "3 s ago"), 6)
    page.wait_for(shows(cell("new", "hashrate"), "5 s ago"), 4)


def test_the_sentence_is_healths_as_long_as_it_lives(broker, page):
    say_all(broker)
    page.wait_for(shows("#sentence", "2 of 3 miners earn"), 5)
    assert page.value("document.body.dataset.status") == "WARNING"
    assert page.value("document.querySelector('#sentence').getAttribute('aria-live')") == "polite"
    broker.say("service/health/availability", "offline")
    page.wait_for(shows("#sentence", "Nobody judges this yet"), 5)
    assert page.value("document.body.dataset.status") == "UNKNOWN"


def test_names_from_outside_are_text(broker, page):
    say_miner(broker, "evil", "<img src=x onerror=document.title=1>", hashrate=1)
    page.wait_for(shows("#rows tr", "<img src=x"), 5)
    assert page.value("document.querySelectorAll('img').length") == 0
    assert page.value("document.title") == "Bitaxe monitoring"


def test_it_comes_back_within_five_seconds(broker, gateway, page):
    say_miner(broker, "gamma-3", **FULL)
    page.wait_for(shows(cell("gamma-3", "hashrate"), "1,234.50"), 5)
    gateway.kill()
    page.wait_for(shows("#now", "Connection lost since"), 5)
    assert page.value(shows(cell("gamma-3", "hashrate"), "1,234.50"))  # what was known stays, and looks old
    time.sleep(8)  # its pauses have grown by now
    if PICTURES:
        page.picture(os.path.join(PICTURES, "lost.png"))
    gateway.start()
    started = time.monotonic()
    page.wait_for(shows("#now", "Live"), 10)
    broker.say("miner/gamma-3/telemetry", {"time": now_text(), "hashrate": 1400})
    page.wait_for(shows(cell("gamma-3", "hashrate"), "1,400.00"), 5)
    assert time.monotonic() - started < 5


def test_it_tells_a_lost_bus_from_a_lost_connection(broker, page):
    say_miner(broker, "gamma-3", **FULL)
    page.wait_for(shows(cell("gamma-3", "hashrate"), "1,234.50"), 5)
    broker.kill()
    page.wait_for(shows("#now", "The gateway does not reach the bus"), 10)
    broker.start()
    page.wait_for(shows("#now", "Live"), 15)


@pytest.mark.parametrize(
    "what, look",
    [
        ("light", {}),
        ("dark", {"dark": True}),
        ("phone", {"width": 390, "height": 1100, "phone": True}),
        ("phone-dark", {"width": 390, "height": 1100, "phone": True, "dark": True}),
    ],
)
def test_it_fits_every_screen_in_light_and_dark(broker, page, what, look):
    say_all(broker)
    page.look(**look)
    page.wait_for(shows("#sentence", "2 of 3 miners earn"), 5)
    page.wait_for(shows(cell("supra-1", "hashrate"), "702.25"), 5)
    assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    ground = page.value("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == ("rgb(14, 17, 16)" if look.get("dark") else "rgb(245, 246, 244)")
    if PICTURES:
        page.picture(os.path.join(PICTURES, f"{what}.png"))
    assert not page.complaints
