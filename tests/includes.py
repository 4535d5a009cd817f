#!/usr/bin/env python3
"""The architecture, checked: tests/includes.py [ROOT]

Walks the C files of libbus/ and services/. The three rules of the tree: a service includes libbus/ and itself; in libbus
includes go down only; what is on top of others is for tests. Then what several services would each write, and has one place.
A line is one offence, `file:line: rule: what`; the last line is `N passed, N failed`. Each rule is first shown to fail on
made lines that break it, so that none is silent because it is blind.

An exception names its file and its reason, and is itself an offence once it excepts nothing.
"""

import pathlib
import re
import sys
import tempfile
from dataclasses import dataclass, field

# What may be included from where; test is on top. bus/memory.* is a broker for tests.
BELOW = {
    "base": {"base"},
    "contract": {"base", "contract"},
    "bus": {"base", "contract", "bus"},
    "run": {"base", "contract", "bus", "run"},
    "store": {"base", "contract", "store"},
    "test": {"base", "contract", "bus", "run", "store", "test"},
}
MAIN_LINES_MAX = 150
# A name that means nothing collects everything.
NO_NAMES = ("utils", "util", "common", "helper", "helpers", "misc", "tools", "shared")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
INCLUDE = re.compile(r'\s*#\s*include\s*["<]([^">]+)[">]')


class File:
    def __init__(self, root, path):
        self.path = path.relative_to(root).as_posix()
        self.parts = self.path.split("/")
        self.text = path.read_text(encoding="utf-8")
        self.is_test = path.name.endswith("_test.c") or self.path.startswith(("libbus/test/", "libbus/bus/memory."))

    def lines(self, strings=True):
        """(number, line) without comments; without the content of strings, too, if so wished."""

        def blank(match):
            token = match[0]
            if token[0] in "\"'" and strings:
                return token
            rest = re.sub(r"[^\n]", " ", token)
            return token[0] + rest[2:] + token[0] if token[0] in "\"'" else rest

        return list(enumerate(TOKEN.sub(blank, self.text).split("\n"), 1))

    def includes(self):
        for number, line in self.lines():
            match = INCLUDE.match(line)
            if match:
                yield number, match[1]


# --- the three rules ---


def layer_of(path):
    parts = path.split("/")
    if path.startswith("libbus/bus/memory.") or path.endswith("_test.c"):
        return "test"
    return parts[1] if len(parts) > 2 and parts[1] in BELOW else None


def service_includes(file):
    if file.parts[0] != "services":
        return
    for number, path in file.includes():
        is_system = "/" in path and not path.startswith(("libbus/", "services/")) and f"<{path}>" in file.text
        own = path.startswith("libbus/") or path.startswith(f"services/{file.parts[1]}/")
        if not own and not is_system and f'"{path}"' in file.text or path.startswith("services/") and not own:
            yield number, path


def layers_go_down(file):
    if file.parts[0] != "libbus":
        return
    layer = layer_of(file.path)
    if layer is None:
        yield 1, "this folder is no layer"
        return
    for number, path in file.includes():
        ours = path.startswith(("libbus/", "services/")) or f'"{path}"' in file.text
        if ours and (not path.startswith("libbus/") or layer_of(path) not in BELOW[layer]):
            yield number, f"{path} from {layer}/"


def test_is_on_top(file):
    if file.is_test:
        return
    for number, path in file.includes():
        if path.startswith("libbus/") and layer_of(path) == "test":
            yield number, path


def simulator_stands_alone(file):
    if not file.path.startswith("tests/simulator/"):
        return
    for number, path in file.includes():
        if path.startswith(("libbus/", "services/")):
            yield number, path


# --- the traps ---


@dataclass
class Grep:
    """A pattern that has its one place."""

    pattern: str
    places: tuple  # beginnings of paths where it belongs
    under: tuple = ("libbus/", "services/")
    strings: bool = False  # look into string literals, too
    tests: bool = False  # test files are looked at, too
    ending: str = ".c"  # of the files looked at; "": all

    def __call__(self, file):
        if not file.path.startswith(self.under) or file.path.startswith(self.places) or not file.path.endswith(self.ending):
            return
        if file.is_test and not self.tests:
            return
        for number, line in file.lines(self.strings):
            match = re.search(self.pattern, line)
            if match:
                yield number, match[0].strip()


def main_is_a_specification(file):
    lines = file.text.count("\n")
    if file.parts[0] == "services" and file.parts[-1] == "main.c" and lines > MAIN_LINES_MAX:
        yield lines, f"{lines} lines"


def names_mean_something(file):
    if file.parts[0] == "services" and file.parts[-1].split(".")[0].removesuffix("_test") in NO_NAMES:
        yield 1, file.parts[-1]


def hand_made_topics(root):
    """ "bitaxe/...", "miner/%s...", and every pattern of topics.rows with %s for its levels."""
    rows = root / "libbus/contract/topics.rows"
    patterns = re.findall(r'^ROW\(\w+, "([^"]+)"', rows.read_text(encoding="utf-8"), re.MULTILINE) if rows.exists() else []
    whole = "|".join(re.escape(row).replace(r"\+", "(?:%s|[^/\"]+)") for row in patterns if "/" in row)
    return Grep(rf'"(?:bitaxe/|miner/%s|(?:{whole or "no row"})")', ("libbus/contract/", "libbus/bus/"), strings=True)


def metric_members(root):
    """A struct member called as a catalogue row: a second home for its value."""
    rows = root / "libbus/contract/catalog.rows"
    names = re.findall(r'^ROW\(\w+, "(\w+)"', rows.read_text(encoding="utf-8"), re.MULTILINE) if rows.exists() else []
    long_names = "|".join(sorted({name for name in names if len(name) > 5}))
    return Grep(rf"^\s+double (?:\w+, )*(?:{long_names or 'hashrate'})\b[^(]*;", (), ("services/",), ending=".h")


@dataclass
class Rule:
    words: str
    check: object
    wrong: tuple  # (path, text) that breaks it
    right: tuple = ("services/a/right.c", "int x;\n")
    except_for: dict = field(default_factory=dict)  # beginning of a path: reason


def rules_of(root):
    return [
        Rule(
            "a service includes only libbus/ and itself",
            service_includes,
            ("services/a/a.c", '#include <sys/stat.h>\n#include "services/b/b.h"\n'),
            ("services/a/a.c", '#include <sys/stat.h>\n#include "services/a/a.h"\n#include "libbus/run/service.h"\n'),
            {"services/bxctl/broker.c": "embedded_conf.h is made by CMake, of broker-config/embedded.conf"},
        ),
        Rule(
            "in libbus includes go down only: base < contract < bus < run, store on contract",
            layers_go_down,
            ("libbus/contract/a.c", '#include "libbus/base/text.h"\n#include "libbus/bus/bus.h"\n'),
            ("libbus/run/a.c", '#include "libbus/base/text.h"\n#include "libbus/bus/bus.h"\n'),
        ),
        Rule(
            "store stands beside run: neither includes the other",
            lambda file: () if file.parts[1:2] != ["store"] else layers_go_down(file),
            ("libbus/store/a.c", '#include "libbus/run/config.h"\n'),
            ("libbus/store/a.c", '#include "libbus/contract/values.h"\n'),
        ),
        Rule(
            "test/ and bus/memory are on top: only tests include them",
            test_is_on_top,
            ("services/a/main.c", '#include "libbus/test/fixture.h"\n'),
            ("services/a/main_test.c", '#include "libbus/test/fixture.h"\n'),
        ),
        Rule(
            "the simulator stands alone: a mistake of libbus would hide in both ends of a test",
            simulator_stands_alone,
            ("tests/simulator/a.c", '#include "libbus/base/json.h"\n'),
        ),
        Rule(
            "uv_ is base/loop's (and the gateway's, for libwebsockets)",
            Grep(r"\buv_\w+|<uv\.h>", ("libbus/base/loop.",), strings=True, ending=""),
            ("services/a/a.c", "\tuv_timer_start(&timer, on_timer, 5, 0);\n"),
            ("services/a/a.c", "/* uv_timer_start would do */ int x;\n"),
            {
                "services/gateway/server.c": "libwebsockets takes the loop itself",
            },
        ),
        Rule(
            "libwebsockets is the gateway's alone",
            Grep(r"<libwebsockets\.h>", ("services/gateway/",), ending=""),
            ("services/a/a.c", "#include <libwebsockets.h>\n"),
        ),
        Rule(
            "curl is run/fetch.c's",
            Grep(r"\bcurl_\w+_\w+|<curl/", ("libbus/run/fetch.c",), ending=""),
            ("services/a/a.c", "\tcurl_easy_setopt(easy, CURLOPT_URL, url);\n"),
        ),
        Rule(
            "mosquitto is bus/mosquitto.c's",
            Grep(r"\bmosquitto_\w+\(|<mosquitto\.h>", ("libbus/bus/mosquitto.c",), ending=""),
            ("services/a/a.c", "#include <mosquitto.h>\n"),
        ),
        Rule(
            "arguments are read by run/service.c",
            Grep(r"\bgetopt\w*\s*\(|<getopt\.h>", ("libbus/run/service.c",)),
            ("services/a/a.c", "\tgetopt_long(argc, argv, \"\", options, NULL);\n"),
        ),
        Rule(
            "programs are started by run/child.c",
            Grep(
                r"\b(?:fork|vfork|popen|system|posix_spawnp?|uv_spawn|daemon|execl\w*|execv\w*)\s*\(",
                ("libbus/run/child.c",),
            ),
            ("services/a/a.c", '\tsystem("rm x");\n'),
            ("services/a/a.c", "\tbx_child_new(loop, &options, error); /* no fork() here */\n"),
            {"libbus/run/service.c": "a reload executes the service anew, in the same process"},
        ),
        Rule(
            "topics are printed and matched by contract/topics.c, named by their row",
            hand_made_topics(root),
            ("services/a/a.c", '\tsnprintf(topic, sizeof topic, "bitaxe/%s/host/telemetry", site);\n'),
            ("services/a/a.c", '\tbx_state(bus, BX_MINER_CONFIG, id, &entry); /* "bitaxe/home/... */\n'),
        ),
        Rule(
            "JSON is made by contract/values, contract/payloads and base/json's writer",
            Grep(r"\bjson_(?:v?pack\w*|object_set\w*|array_append\w*)\s*\(", ("libbus/base/", "libbus/contract/")),
            ("services/a/a.c", '\tjson_object_set_new(object, "time", json_string(time));\n'),
            ("services/a/a.c", '\tbx_json_text(json, "time", time);\n'),
        ),
        Rule(
            "a metric is a catalogue row, no struct member",
            metric_members(root),
            ("services/a/a.h", "struct a {\n\tdouble hashrate, other;\n};\n"),
            ("services/a/a.h", "double hashrate_of(const struct a *a);\n"),
            {"services/collector/miners.h": "polls_missed is the collector's own count, from which the row is told"},
        ),
        Rule(
            "configuration comes through run/config",
            Grep(r"\b(?:secure_)?getenv\s*\(", ("libbus/run/config.c",)),
            ("services/a/a.c", '\tconst char *site = getenv("SITE");\n'),
            except_for={
                "libbus/base/log.c": "JOURNAL_STREAM says whether standard error is the journal",
                "services/bxctl/": "a person's program: HOME, NO_COLOR, and which configuration it is to name",
                "services/gateway/main.c": "BITAXE_WEB is a checkout's folder of pages, for `up` and tests",
            },
        ),
        Rule(
            "the pause between retries is base/loop's bx_pause_ms",
            Grep(r"(?i)back_?off|<<\s*(?:attempts?|tries|retries)\b|\*\s*2.*(?:pause|retry|wait)\w*_ms", ("libbus/base/loop.",)),
            ("services/a/a.c", "\tint64_t wait = 1000 << attempts;\n"),
            ("services/a/a.c", "\tint64_t wait = bx_pause_ms(attempts, 1000, 60000);\n"),
        ),
        Rule(
            "own state is kept by bus/durable, own files are written by base/file",
            Grep(r"\bfopen\s*\([^,]+,\s*\"[wa]|\bO_CREAT\b|\bO_WRONLY\b|\bcreat\s*\(", ("libbus/base/file.c",), strings=True),
            ("services/a/a.c", '\tFILE *file = fopen(path, "we");\n'),
            ("services/a/a.c", '\tFILE *file = fopen("/proc/stat", "re");\n'),
        ),
        Rule(
            "the database's tables are known to store/ and to storage",
            Grep(
                r'(?i)"[^"]*\b(?:from|into|update|join) (?:source|series|open|chunk|span|event|sample|system_metrics)\b',
                ("libbus/store/", "services/storage/"),
                strings=True,
            ),
            ("services/a/a.c", '\trun("SELECT max(id) FROM series");\n'),
        ),
        Rule(
            "units are the catalogue's",
            Grep(r'"[^"]*(?:J/TH|[GT]H/s|°C)[^"]*"', ("libbus/contract/",), strings=True),
            ("services/a/a.c", '\tprint("%.1f J/TH", value);\n'),
            except_for={
                "services/health/rules.c": "a rule's sentence is for people and says its unit",
                "services/health/words.c": "a sentence scales GH/s to what reads well",
            },
        ),
        Rule(
            f"a service's main.c is its specification: at most {MAIN_LINES_MAX} lines",
            main_is_a_specification,
            ("services/a/main.c", "\n" * (MAIN_LINES_MAX + 1)),
            ("services/a/main.c", "\n" * MAIN_LINES_MAX),
        ),
        Rule(
            "a file has a name that means something",
            names_mean_something,
            ("services/a/utils.c", "int x;\n"),
        ),
    ]


# --- running them ---


def files_of(root):
    paths = [path for top in ("libbus", "services", "tests/simulator") for path in (root / top).rglob("*.[ch]")]
    return [File(root, path) for path in sorted(paths)]


def offences_of(rule, files):
    used = set()
    for file in files:
        for number, what in rule.check(file):
            excepted = [place for place in rule.except_for if file.path.startswith(place)]
            used.update(excepted)
            if not excepted:
                yield f"{file.path}:{number}: {rule.words}: {what}"
    for place in rule.except_for:
        if place not in used and any(file.path.startswith(place) for file in files):
            yield f"{place}:1: {rule.words}: the exception for this excepts nothing any more; take it out"


def rule_is_awake(rule):
    """It fails on its wrong example and not on its right one."""
    for (path, text), wanted in ((rule.wrong, True), (rule.right, False)):
        with tempfile.TemporaryDirectory(prefix="bx-includes-") as folder:
            root = pathlib.Path(folder)
            target = root / path
            target.parent.mkdir(parents=True)
            target.write_text(text, encoding="utf-8")
            if any(offences_of(rule, files_of(root))) != wanted:
                print(f"tests/includes.py: the rule '{rule.words}' {'misses' if wanted else 'fails on'} {text!r}")
                return False
    return True


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    passed = failed = 0
    files = files_of(root)
    for rule in rules_of(root):
        offences = list(offences_of(rule, files))
        print("\n".join(offences), end="\n" if offences else "")
        for good in (not offences, rule_is_awake(rule)):
            passed += good
            failed += not good
    if not any(file.path.startswith("services/") for file in files):
        print(f"{root}: there are no services here")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
