"""Version 1 of the HTTP API against its document, collector/src/api/openapi.json, over real stores.

What is served must be what is documented, field by field, and what is documented must be served; what the answers say
must be what the test itself put into the store (runs.py). Nothing sleeps: the collector is ready when /ready says so.
"""

import contextlib
import gzip
import http.client
import itertools
import json
import os
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile
import unittest
import urllib.parse

from cli_test import BURR, WAIT_S, Collector, environment
from runs import INT64_MAX, START_US, Run, make_runs, make_strange_project, parsed, pointer, stamp
from schema import Mismatch, Validator

SOURCE = pathlib.Path(os.environ.get("BURR_SOURCE", pathlib.Path(__file__).parents[2]))
REAL_STORE = pathlib.Path(os.environ.get("BURR_REAL_STORE") or SOURCE.parent / "shared" / "real-burr")
DOCUMENT = json.loads((SOURCE / "collector/src/api/openapi.json").read_text(encoding="utf-8"))


def quote(text):
    return urllib.parse.quote(text, safe="")


def query(values):
    return "&".join(f"{quote(name)}={quote(str(value))}" for name, value in values)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)


class Server:
    """A collector over a store; `ready`: once all that is there is indexed."""

    def __init__(self, store, env=None, ready=True, **options):
        self.store = store
        self.collector = Collector(store, "--no-demo", env=environment(TZ="UTC", **env or {}), **options)
        self.port = int(self.collector.url().rsplit(":", 1)[1])
        while ready and self.ask("/ready").status != 200:
            pass

    def ask(self, target, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, headers=names)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, target):
        answer = self.ask(target)
        if answer.status != 200:
            raise AssertionError(f"{target}: {answer.status} {answer.body[:300]}")
        return answer.json()

    def close(self):
        """It must have lived until now, and end well."""
        lives = self.collector.process.poll() is None
        self.collector.process.terminate()
        code = self.collector.wait()
        if not lives or code != 0:
            raise AssertionError(f"the collector ended with {code}: {self.collector.seen}")


class Served(unittest.TestCase):
    """Tests that ask one collector. fill() makes the store."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="burr-api-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.store = os.path.join(cls.folder, "store")
        cls.fill()
        cls.server = Server(cls.store)
        cls.addClassCleanup(cls.server.close)

    @classmethod
    def fill(cls):
        os.mkdir(cls.store, 0o700)

    def get(self, target):
        return self.server.get(target)

    def ask(self, target, method="GET", **headers):
        return self.server.ask(target, method, **headers)


# ---- the document ----


# Parameters that name a run, which may not be there.
NAMES_OF_RUNS = ("from_app_id", "from_project")
VALIDATOR = Validator(DOCUMENT)
OPERATIONS = {
    (path, method): operation for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
}


def parameters_of(operation, place):
    resolved = [VALIDATOR.resolve(one) for one in operation.get("parameters", [])]
    return [one for one in resolved if one["in"] == place]


def response_of(operation, status):
    responses = operation["responses"]
    return VALIDATOR.resolve(responses.get(str(status)) or responses["default"])


def is_strict(operation):
    """Whether it refuses parameters that it does not know."""
    return "422" in operation["responses"]


REQUIRED = {"kind": "action", "to": 1, "pointer": "/n", "q": "a", "topics": "projects"}
LIVE = ("/api/v1/events", "/api/v1/changes")


def values_for(operation):
    """What has to be asked."""
    return [(one["name"], REQUIRED[one["name"]]) for one in parameters_of(operation, "query") if one.get("required")]


def target_of(path, query_text="", **captures):
    names = {"project": "p", "app_id": "nested", "number": 1, **captures}
    for name, value in names.items():
        path = path.replace("{" + name + "}", quote(str(value)))
    return path + ("?" + query_text if query_text else "")


def all_schemas(node):
    """Every object of the document that is a schema with members of its own."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield node
        for value in node.values():
            yield from all_schemas(value)
    elif isinstance(node, list):
        for value in node:
            yield from all_schemas(value)


class Document(Served):
    def test_it_is_served_as_it_is_in_the_sources(self):
        plain = self.ask("/api/openapi.json")
        text = (SOURCE / "collector/src/api/openapi.json").read_bytes()
        self.assertEqual((plain.status, plain.body), (200, text))
        self.assertEqual(plain.headers["content-type"], "application/json")
        packed = self.ask("/api/openapi.json", accept_encoding="gzip")
        self.assertEqual(packed.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed.body), text)
        for answer in (plain, packed):
            again = self.ask(
                "/api/openapi.json",
                if_none_match=answer.headers["etag"],
                accept_encoding=answer.headers["content-encoding"] or "identity",
            )
            self.assertEqual((again.status, again.body), (304, b""))

    def test_every_route_is_documented_and_no_other(self):
        api = SOURCE / "collector/src/api"
        text = (api / "v1.c").read_text() + (api / "status_v1.c").read_text()
        macros = dict(re.findall(r"^#define (RUNS?) (.+)$", text, re.M))
        routes = set()
        for method, pattern in re.findall(r'^\t\t?\{"([A-Z]+)", (.+), \w+\},$', text, re.M):
            for _ in macros:
                pattern = re.sub(r"\b(RUNS?)\b", lambda found: macros[found.group(1)], pattern)
            routes.add(("".join(re.findall(r'"([^"]*)"', pattern)), method.lower()))
        self.assertGreater(len(routes), 10)
        routes |= {("/ready", "get")}  # of version 0's table; and the server's own:
        routes |= {("/api/v1/session", "get"), ("/api/v1/session", "post"), *((path, "get") for path in LIVE)}
        self.assertEqual(routes, set(OPERATIONS))
        for path, _ in routes:
            self.assertNotEqual(self.ask(target_of(path), "POST").status, 404, path)
        for path in ("/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/projects/p", "/api/openapi.yaml"):
            self.assertEqual(self.ask(path).status, 404, path)

    def test_every_object_lists_its_fields_and_says_what_they_are(self):
        seen = 0
        for schema in all_schemas(DOCUMENT):
            self.assertIs(schema.get("additionalProperties"), False, schema)
            self.assertLessEqual(set(schema.get("required", [])), set(schema["properties"]))
            for name, field in schema["properties"].items():
                known = VALIDATOR.resolve(field)
                described = "description" in field or "description" in known or "enum" in field or "const" in field
                self.assertTrue(described, (name, field))
                seen += 1
        self.assertGreater(seen, 150)
        names = [operation["operationId"] for operation in OPERATIONS.values()]
        self.assertEqual(len(names), len(set(names)))

    def test_every_reference_leads_somewhere_and_every_component_is_used(self):
        used = set(re.findall(r'"\$ref": ?"#/components/([^"]+)"', json.dumps(DOCUMENT)))
        there = {f"{kind}/{name}" for kind, all_of in DOCUMENT["components"].items() for name in all_of}
        there = {one for one in there if not one.startswith("securitySchemes/")}
        self.assertEqual(used | {"schemas/Hello"}, there)

    def test_the_filter_is_described_as_the_program_describes_it(self):
        text = (SOURCE / "collector/src/query/filter_print.c").read_text(encoding="utf-8")
        body = text[text.index("return") : text.index(";\n}")]
        described = "".join(json.loads(f'"{part}"') for part in re.findall(r'"((?:[^"\\]|\\.)*)"', body))
        self.assertIn("terms, separated by spaces", described)
        operation = OPERATIONS["/api/v1/projects/{project}/runs", "get"]
        filters = [one for one in parameters_of(operation, "query") if one["name"] == "filter"]
        self.assertIn(described, filters[0]["description"])


# ---- our store ----


class Store(Served):
    @classmethod
    def fill(cls):
        cls.runs = make_runs()
        for run in cls.runs:
            run.write(cls.store, "p")
        make_strange_project(cls.store)
        os.makedirs(os.path.join(cls.store, "none"))
        cls.by_id = {run.app_id: run for run in cls.runs}
        cls.holds = open(cls.by_id["held-1"].path, "ab")  # as a process that writes it
        cls.addClassCleanup(cls.holds.close)

    def run_path(self, run, rest=""):
        return f"/api/v1/projects/p/runs/{quote(run.app_id)}{rest}"


# ---- conformance ----


class Conforming:
    """The document holds for every operation on every run of a store."""

    def check(self, path, target, status=(200,), **headers):
        operation = OPERATIONS[path, "get"]
        answer = self.ask(target, **headers)
        self.assertIn(answer.status, status, (target, answer.body[:300]))
        self.assertIn(str(answer.status), operation["responses"], target)
        response = response_of(operation, answer.status)
        for name, header in response.get("headers", {}).items():
            self.assertIsNotNone(answer.headers[name], (target, name))
            VALIDATOR.check(VALIDATOR.resolve(header)["schema"], answer.headers[name], f"{target} {name}")
        if "content" not in response:
            self.assertEqual(answer.body, b"", target)
            return answer
        self.assertEqual(list(response["content"]), [answer.headers["content-type"]], target)
        try:
            is_json = answer.headers["content-type"] == "application/json"
            schema = response["content"][answer.headers["content-type"]]["schema"]
            VALIDATOR.check(schema, answer.json() if is_json else answer.body.decode())
        except (Mismatch, ValueError) as error:
            self.fail(f"{target}: {error}: {answer.body[:1000]}")
        if answer.status == 200 and is_strict(operation) and not path.endswith(("/state", ".json")):
            self.assertTrue(answer.body.startswith(b'{"now":"'), target)
        return answer

    def targets(self):
        """Every operation but those of changes, on all that there is."""
        projects = [project["name"] for project in self.get("/api/v1/projects")["projects"]]
        for path, method in OPERATIONS:
            if path in LIVE or method != "get":
                continue
            wanted = query(values_for(OPERATIONS[path, "get"]))
            if "{project}" not in path:
                yield path, target_of(path, wanted)
                continue
            for project in projects:
                if "{app_id}" not in path:
                    yield path, target_of(path, wanted, project=project)
                    continue
                for run in self.get(f"/api/v1/projects/{quote(project)}/runs?limit=1000")["runs"]:
                    count = run["step_count"]
                    numbers = {0, 1, 2, count - 1} & set(range(count)) if "{number}" in path else {0}
                    for number in numbers:
                        yield path, target_of(path, wanted, project=project, app_id=run["app_id"], number=number)

    def test_every_operation_on_everything(self):
        count = 0
        for path, target in self.targets():
            strange_ok = (200, 404) if path.endswith(("/state", "/difference", "/records", "/history", "}")) else (200,)
            strange_ok = (204,) if path == "/api/v1/session" else strange_ok
            answer = self.check(path, target, strange_ok)
            head = self.ask(target, "HEAD")
            self.assertEqual((head.status, head.body), (answer.status, b""), target)
            self.assertEqual(head.headers["content-type"], answer.headers["content-type"], target)
            count += 1
        self.assertGreater(count, 50)

    def test_what_is_known_already_is_not_sent_again(self):
        for path, target in self.targets():
            if not is_strict(OPERATIONS[path, "get"]):
                continue
            answer = self.ask(target)
            if answer.status != 200:
                continue
            tag = answer.headers["etag"]
            for header in (tag, "W/" + tag, f'"other", {tag}', "*"):
                again = self.check(path, target, (304,), if_none_match=header)
                self.assertEqual(again.headers["etag"], tag, target)
            self.assertEqual(self.ask(target, if_none_match='"other"').status, 200)
            self.assertEqual(self.ask(target, "HEAD", if_none_match=tag).status, 304)
            packed = self.ask(target, accept_encoding="gzip")
            if packed.headers["content-encoding"] == "gzip":
                self.assertEqual(set(gzip.decompress(packed.body)[:1]), set(answer.body[:1]))
                known = packed.headers["etag"]
                self.assertEqual(self.ask(target, if_none_match=known, accept_encoding="gzip").status, 304, target)


class OfOurStore(Conforming, Store):
    pass


@unittest.skipUnless(REAL_STORE.is_dir(), f"no store written by Burr at {REAL_STORE} (BURR_REAL_STORE)")
class OfBurrsStore(Conforming, Served):
    @classmethod
    def fill(cls):
        shutil.copytree(REAL_STORE, cls.store)

    def test_its_runs_are_all_there(self):
        for project in self.get("/api/v1/projects")["projects"]:
            folders = [one for one in (REAL_STORE / project["name"]).iterdir() if one.is_dir()]
            runs = self.get(f"/api/v1/projects/{project['name']}/runs")
            self.assertEqual({run["app_id"] for run in runs["runs"]}, {folder.name for folder in folders})
            self.assertEqual(project["run_count"], len(folders))
            for run in runs["runs"]:
                log = (REAL_STORE / project["name"] / run["app_id"] / "log.jsonl").read_text(encoding="utf-8")
                ends = [line for line in map(json.loads, log.splitlines()) if line["type"] == "end_entry"]
                steps = f"/api/v1/projects/{project['name']}/runs/{run['app_id']}/steps"
                for number in {0, len(ends) - 1}:
                    self.assertEqual(self.get(f"{steps}/{number}/state"), ends[number]["state"])


# ---- parameters ----

NO_INTEGERS = ["", "x", "1.5", "1e1", "0x10", "9" * 30, "9" * 400, " 5", "5 ", "٣", "1,2", "null", "--1"]
BAD_FILTERS = [
    "status:bad",
    "nokey:1",
    "steps:x",
    '"open',
    "after:never",
    "-",
    "state:1",
    "is:",
    "a" * 4097,
    "steps:5..1",
]
BAD_CURSORS = ["x", "_", "1_2", "-last_1_", "-last__1", "-last_1_2_3", " -last_1_2", "-last_1_2 ", f"-last_{'9' * 30}_1"]
BAD_CURSORS += ["last_1_2", "-steps_1_2"]  # of another sort
BAD_POINTERS = ["x", "a/b", "/~", "/~2", "/a~"]
WORDS = {True: ("true", "1"), False: ("false", "0")}


def good_values(parameter):
    schema = parameter["schema"]
    if "enum" in schema:
        return schema["enum"]
    if schema["type"] == "boolean":
        return WORDS[True] + WORDS[False]
    if schema["type"] == "integer":
        return [schema["minimum"], schema["minimum"] + 1, schema["maximum"], schema.get("default", schema["minimum"])]
    by_name = {
        "filter": ["", " ", "status:ok", "-is:root a*b", "a" * 4096, 'error:"x y"'],
        "cursor": ["", "-last_0_0", "-last_-5_1", f"-last_{INT64_MAX}_{INT64_MAX}"],
        "pointer": ["", "/", "/n", "/user/name", "/a~1b/~0", "/ä"],
        "q": ["a", " ", '"', "\\", "ä b%&+=/", "😀" * 64, "x" * 256],
        "topics": ["projects", "project/p,run/p/a%252Fb", ",nonsense,", "ä " * 256 + "," + "x" * 900],
    }
    return by_name.get(parameter["name"], ["", "nested", "n", "no such", "ä b%&+=/"])


def bad_values(parameter):
    schema = parameter["schema"]
    if schema["type"] == "integer":
        return NO_INTEGERS + [schema["minimum"] - 1, schema["maximum"] + 1, -(2**63), 2**64]
    if "enum" in schema:
        return ["", "x", schema["enum"][0].upper(), schema["enum"][0] + " ", "-", "--last", "last,first"]
    if schema["type"] == "boolean":
        return ["", "x", "TRUE", "yes", "2", "-1"]
    by_name = {
        "filter": BAD_FILTERS,
        "cursor": BAD_CURSORS,
        "pointer": BAD_POINTERS,
        "q": ["", "x" * 257, "😀" * 65],
        "topics": ["", ",,", "x" * 901, "a," * 257],
    }
    return by_name.get(parameter["name"], [])


class Parameters(Store):
    def strict(self):
        for (path, _), operation in OPERATIONS.items():
            if is_strict(operation):
                yield path, operation, values_for(operation)

    def refused(self, target, status, name):
        answer = self.ask(target)
        self.assertEqual(answer.status, status, (target[:300], answer.body[:300]))
        self.assertEqual(answer.headers["content-type"], "application/json")
        VALIDATOR.check(DOCUMENT["components"]["schemas"]["Error"], answer.json())
        self.assertTrue(answer.json()["detail"].startswith(name), (target[:300], answer.json()))

    def with_value(self, wanted, name, value):
        return query([pair for pair in wanted if pair[0] != name] + [(name, value)])

    def test_what_is_documented_is_taken(self):
        for path, operation, wanted in self.strict():
            for parameter in parameters_of(operation, "query"):
                for value in good_values(parameter):
                    target = target_of(path, self.with_value(wanted, parameter["name"], value))
                    found = self.ask(target)
                    self.assertIn(found.status, (200, 404), (target, found.body[:300]))
                    if found.status == 404:  # a step or a value that is not there
                        self.assertIn(parameter["name"], ("from", "to", "pointer", *NAMES_OF_RUNS), target)

    def test_defaults_are_what_is_documented(self):
        for path, operation, wanted in self.strict():
            plain = self.ask(target_of(path, query(wanted)))
            for parameter in parameters_of(operation, "query"):
                if "default" in parameter["schema"]:
                    value = parameter["schema"]["default"]
                    value = str(value).lower() if isinstance(value, bool) else value
                    asked = self.ask(target_of(path, self.with_value(wanted, parameter["name"], value)))
                    cut = len(b'{"now":"2026-01-01T00:00:00.000000Z"')
                    start = 0 if path.endswith("/state") else cut
                    self.assertEqual(asked.body[start:], plain.body[start:], (path, parameter["name"]))

    def test_bad_values_are_refused(self):
        for path, operation, wanted in self.strict():
            for parameter in parameters_of(operation, "query"):
                name = parameter["name"]
                for value in bad_values(parameter):
                    self.refused(target_of(path, self.with_value(wanted, name, value)), 422, name + ":")
                if bad_values(parameter):
                    self.refused(target_of(path, self.with_value(wanted, name, "x" * 20000)), 422, name + ":")
                else:
                    status = 404 if name in NAMES_OF_RUNS else 200
                    self.assertEqual(self.ask(target_of(path, self.with_value(wanted, name, "x" * 20000))).status, status)
                if name == "pointer":
                    self.refused(target_of(path, "pointer=/%FF"), 422, name + ":")
                if parameter.get("required"):
                    self.refused(target_of(path), 422, name + ":")

    def test_broken_encodings_are_refused(self):
        for path, operation, _ in self.strict():
            for name in [one["name"] for one in parameters_of(operation, "query")] + ["other"]:
                for text in ("%", "%4", "%zz", "a%4", "%00", "a%00b", "%%41", "%u0041"):
                    self.refused(target_of(path, f"{name}={text}"), 400, name + ":")
                self.refused(target_of(path, f"a=1&%zz{name}=1"), 400, "parameter 2 of the query")

    def test_parameters_that_are_not_there_or_twice_are_refused(self):
        for path, operation, wanted in self.strict():
            names = [one["name"] for one in parameters_of(operation, "query")]
            for unknown in ["nothing", "Limit", "limit ", "filter[]", "ä", *(name + "x" for name in names)]:
                self.refused(target_of(path, query([*wanted, (unknown, 1)])), 422, unknown + ": there is no such")
            self.refused(target_of(path, query(wanted) + "&=1"), 422, ": there is no such")
            for parameter in parameters_of(operation, "query"):
                name = parameter["name"]
                value = dict(wanted).get(name, good_values(parameter)[0])
                pair = query([(name, value)])
                self.refused(target_of(path, f"{pair}&{pair}"), 422, name + ": it is given twice")
            many = "&".join(f"a{i}=1" for i in range(100))
            self.refused(target_of(path, many), 400, "the query has over 64 parameters")
            self.assertEqual(self.ask(target_of(path, "&&" + query(wanted) + "&")).status, 200)

    def test_long_targets_are_refused(self):
        for path, operation, _ in self.strict():
            for name in [one["name"] for one in parameters_of(operation, "query")] + ["other"]:
                self.refused(target_of(path, f"{name}={'x' * 40000}"), 431, "the request's target and headers are over")

    def test_paths_that_lead_nowhere(self):
        for path, operation, wanted in self.strict():
            text = query(wanted)
            names = [one["name"] for one in parameters_of(operation, "path")]
            for name in names:
                for value in ("%zz", "%", "a%00b"):
                    self.refused(target_of(path.replace("{" + name + "}", value), text), 400, "part ")
            if "number" in names:
                for value in NO_INTEGERS[1:] + [-1, INT64_MAX + 1]:
                    self.refused(target_of(path, text, number=value), 422, "number:")
                for value in (5, 1000, INT64_MAX - 1, INT64_MAX):
                    self.refused(target_of(path, text, number=value), 404, "application nested has no step number")
            if "app_id" in names:
                for app_id in ("no such", "..", ".", "a/b", "../p/nested", "x" * 10000, "ä\n", "log.jsonl", "NESTED"):
                    answer = self.ask(target_of(path, text, app_id=app_id))
                    self.assertEqual(answer.status, 404, answer.body[:300])
                    VALIDATOR.check(DOCUMENT["components"]["schemas"]["Error"], answer.json())
                for project in ("no such", "..", ".burr-store", "none", "p/nested", "x" * 10000):
                    self.assertEqual(self.ask(target_of(path, text, project=project)).status, 404, project)
            elif names:
                for project in ("no such", "..", "none", "x" * 10000):
                    answer = self.get(target_of(path, text, project=project))
                    listed = answer["runs"] if "runs" in answer else answer["names"]
                    self.assertEqual((answer.get("total", 0), listed, answer.get("next")), (0, [], None))

    def test_numbers_of_steps_that_are_not_there(self):
        for name, other in (("to", "from"), ("from", "to")):
            for value in (5, INT64_MAX):
                target = target_of("/api/v1/projects/{project}/runs/{app_id}/difference", f"{name}={value}&{other}=1")
                self.refused(target, 404, "application nested has no step number")

    def test_other_methods_are_refused(self):
        for path, _ in OPERATIONS:
            reads = "GET" if path in LIVE else {"/api/v1/session": "GET, HEAD, POST"}.get(path, "GET, HEAD")
            for method in ("POST", "PUT", "DELETE", "PATCH", "BREW"):
                if method in reads:
                    continue
                answer = self.ask(target_of(path), method)
                self.assertEqual((answer.status, answer.headers["allow"]), (405, reads), path)
                self.assertIn(f"this path takes {reads}", answer.json()["detail"])
            asked = self.ask(target_of(path), "OPTIONS")
            self.assertEqual((asked.status, asked.headers["allow"]), (204, reads), path)
        for path in LIVE:
            self.assertEqual(self.ask(path + "?topics=a", "HEAD").status, 405)

    def test_other_hosts_are_refused(self):
        for path, _ in OPERATIONS:
            answer = self.ask(target_of(path), host="evil.example")
            self.assertEqual(answer.status, 403)
            VALIDATOR.check(DOCUMENT["components"]["schemas"]["Error"], answer.json())

    def test_the_stream_refuses(self):
        for text in (
            "",
            "topics=",
            "topics=,,",
            "topics=" + ",".join(f"t{i}" for i in range(257)),
            "topics=" + "x" * 901,
        ):
            self.assertRegex(self.ask("/api/v1/events?" + text).json()["detail"], "topic")
            self.assertEqual(self.ask("/api/v1/events?" + text).status, 400)
        self.refused("/api/v1/events?topics=%zz", 400, "topics:")


# ---- what the answers say ----


class Answers(Store):
    def test_projects(self):
        projects = {project["name"]: project for project in self.get("/api/v1/projects")["projects"]}
        self.assertEqual(set(projects), {"p", "strange", "none"})
        statuses = dict.fromkeys(("running", "unknown", "lost", "failed", "ok", "waiting"), 0)
        for run in self.runs:
            statuses[run.status] += 1
        self.assertEqual(min(statuses.values()), 1)
        p = projects["p"]
        self.assertEqual((p["run_count"], p["statuses"]), (len(self.runs), statuses))
        self.assertEqual(p["root_count"], sum(not run.parent_app for run in self.runs))
        self.assertEqual(p["started"], stamp(min(run.first for run in self.runs)))
        self.assertEqual(p["last_activity"], stamp(max(run.last for run in self.runs)))
        self.assertEqual((projects["none"]["run_count"], projects["none"]["started"]), (0, None))

    def test_activity(self):
        # The runs of p are of another day; strange's clock is ahead, so that run counts for the present hour.
        answer = self.get("/api/v1/activity?hours=3")
        strange = [run["last_activity"] for run in self.get("/api/v1/projects/strange/runs?limit=1000")["runs"]]
        ahead = [last for last in strange if last >= answer["from"]]
        self.assertTrue(ahead)
        self.assertEqual({hour["project"] for hour in answer["hours"]}, {"strange"})
        self.assertEqual(sum(hour["run_count"] for hour in answer["hours"]), len(ahead))
        self.assertRegex(answer["from"], r"T\d\d:00:00\.000000Z$")
        present = self.get("/api/v1/activity?hours=1")
        self.assertEqual([hour["from"] for hour in present["hours"]], [present["from"]])

    def test_names(self):
        names = lambda query, project="p": self.get(f"/api/v1/projects/{project}/names?{query}")
        partitions = sorted({run.partition for run in self.runs if run.partition}, key=str.encode)
        self.assertEqual(names("kind=partition&limit=1000")["names"], partitions)
        actions = sorted({step["action"] for run in self.runs for step in run.steps if step["action"]}, key=str.encode)
        self.assertEqual(names("kind=action&limit=1000")["names"], actions)
        part = actions[0][1:].upper()
        found = [name for name in actions if part.lower() in name.lower()]
        self.assertEqual(names(f"kind=action&limit=1000&holds={quote(part)}")["names"], found)
        short = names("kind=action&limit=1")
        self.assertEqual((short["names"], short["complete"]), (actions[:1], False))
        self.assertTrue(names("kind=attribute&limit=1000")["complete"])
        self.assertEqual(names("kind=action", "nothing")["names"], [])
        self.assertEqual(self.ask("/api/v1/projects/p/names").status, 422)

    def summary(self, run):
        steps = run.steps
        origin = lambda value: value and {k: value[k] for k in ("app_id", "sequence_id", "partition_key")}
        return {
            "app_id": run.app_id,
            "partition_key": run.partition,
            "status": run.status,
            "started": stamp(run.first),
            "last_activity": stamp(run.last),
            "duration_us": run.duration,
            "time_zone": "exact" if run.zone else "assumed",
            "step_count": len(steps),
            "failed_count": run.failed,
            "superseded_count": sum(step["superseded"] for step in run.is_known_of_steps()),
            "next_sequence_id": steps[-1]["seq"] + 1,
            "record_count": len(run.parts),
            "damaged_count": run.damaged,
            "input_tokens": run.tokens_of("input", "prompt"),
            "output_tokens": run.tokens_of("output", "completion"),
            "last_action": steps[-1]["action"],
            "parent": origin(run.parent),
            "spawning_parent": origin(run.spawned_by),
            "log_bytes": os.path.getsize(run.path),
        }

    def compare(self, run, found):
        expected = self.summary(run)
        found = dict(found)
        for name in ("parent", "spawning_parent"):
            if found[name]:
                found[name] = {k: found[name][k] for k in ("app_id", "sequence_id", "partition_key")}
        self.assertEqual({name: found[name] for name in expected}, expected)
        if run.last_error is None:
            self.assertIsNone(found["last_error"])
        else:
            self.assertEqual(found["last_error"], run.last_error)

    def test_lists_say_what_is_true(self):
        answer = self.get("/api/v1/projects/p/runs?limit=1000")
        self.assertEqual((answer["total"], answer["complete"], answer["next"]), (len(self.runs), True, None))
        self.assertEqual({run["app_id"] for run in answer["runs"]}, set(self.by_id))
        for found in answer["runs"]:
            run = self.by_id[found["app_id"]]
            self.compare(run, found)
            children = [child for child in self.runs if child.parent_app == run.app_id]
            self.assertEqual(found["child_count"], len(children), run.app_id)

    def test_a_run_says_what_is_true(self):
        for run in self.runs:
            found = self.get(self.run_path(run))
            self.compare(run, found)
            self.assertEqual(found["project"], "p")
            actions = {}
            edges = {}
            before = None
            for step in run.steps:
                count, failed = actions.get(step["action"], (0, 0))
                actions[step["action"]] = (count + 1, failed + (step["exception"] is not None))
                edges[before, step["action"]] = edges.get((before, step["action"]), 0) + 1
                before = step["action"]
            self.assertEqual({one["name"]: (one["count"], one["failed_count"]) for one in found["actions"]}, actions)
            self.assertEqual({(one["from"], one["to"]): one["count"] for one in found["edges"]}, edges)
            attributes = [key for key, _ in run.attributes]
            counts = {one["name"]: one["count"] for one in found["attributes"]}
            self.assertEqual(counts, {key: attributes.count(key) for key in attributes})
            self.assertEqual(found["graph"]["entrypoint"], "hi")
            self.assertEqual(found["metadata"]["partition_key"], run.partition)
            children = [child.app_id for child in self.runs if child.parent_app == run.app_id]
            self.assertEqual([one["child"]["app_id"] for one in found["children"]], children)

    def test_steps_say_what_is_true(self):
        for run in self.runs:
            found = self.get(self.run_path(run, "/steps?limit=1000"))
            self.assertEqual((found["step_count"], found["complete"], found["next"]), (len(run.steps), True, None))
            self.assertEqual(found["steps"], list(run.is_known_of_steps()), run.app_id)

    def test_steps_by_pages(self):
        run = self.by_id["long"]
        known = list(run.is_known_of_steps())
        for limit, start, to in (
            (1, 290, None),
            (7, 0, None),
            (128, 0, None),
            (299, 0, None),
            (300, 0, 300),
            (50, 100, 201),
        ):
            steps = []
            next_number = start
            while next_number is not None:
                more = f"&to={to}" if to else ""
                answer = self.get(self.run_path(run, f"/steps?limit={limit}&from={next_number}{more}"))
                self.assertTrue(answer["complete"])
                self.assertEqual(answer["step_count"], 300)
                steps += answer["steps"]
                self.assertTrue(len(answer["steps"]) == limit or answer["next"] is None)
                next_number = answer["next"]
            self.assertEqual(steps, known[start:to])
        for text in ("from=300", "from=5&to=5", "from=7&to=3", f"from={INT64_MAX}", "to=0"):
            answer = self.get(self.run_path(run, "/steps?" + text))
            self.assertEqual((answer["steps"], answer["next"], answer["complete"]), ([], None, True), text)

    def test_steps_are_filtered(self):
        filters = {
            "action=talk": lambda step: step["action"] == "talk",
            "action=tal": lambda step: False,
            "status=failed": lambda step: step["status"] == "failed",
            "status=ok": lambda step: step["status"] == "ok",
            "status=open": lambda step: step["status"] == "open",
            "changed=n": lambda step: "n" in (step["changed"] or []),
            "changed=x": lambda step: "x" in (step["changed"] or []),
            "slower_us=20000": lambda step: (step["duration_us"] or 0) >= 20000,
            "slower_us=0": lambda step: step["duration_us"] is not None,
            "sequence_id=3": lambda step: step["sequence_id"] == 3,
            "sequence_id=3&superseded=0": lambda step: step["sequence_id"] == 3 and not step["superseded"],
            "superseded=false": lambda step: not step["superseded"],
            "superseded=1": lambda step: True,
            "action=tool&changed=n&slower_us=40000&superseded=0": lambda step: (
                step["action"] == "tool"
                and "n" in (step["changed"] or [])
                and (step["duration_us"] or 0) >= 40000
                and not step["superseded"]
            ),
        }
        for text, fits in filters.items():
            matched = 0
            for run in self.runs:
                expected = [step for step in run.is_known_of_steps() if fits(step)]
                answer = self.get(self.run_path(run, f"/steps?limit=1000&{text}"))
                self.assertEqual(answer["steps"], expected, (run.app_id, text))
                matched += len(expected)
                if expected:  # a page is full when it has what was asked for, and says where to go on
                    first = self.get(self.run_path(run, f"/steps?limit=1&{text}"))
                    self.assertEqual(first["steps"], expected[:1])
                    if "sequence_id" not in text:  # which looks into few steps
                        self.assertEqual(first["next"] is None, expected[0]["number"] == len(run.steps) - 1)
                newest = self.get(self.run_path(run, f"/steps?limit=1000&order=newest&{text}"))
                self.assertEqual(newest["steps"], expected[::-1], (run.app_id, text))
            self.assertGreaterEqual(matched, text != "action=tal", text)

    def test_steps_from_the_newest_on(self):
        run = self.by_id["long"]
        known = list(run.is_known_of_steps())
        for limit, start, to in ((1, 290, 300), (7, 0, 300), (128, 0, 300), (300, 0, 300), (50, 100, 201)):
            steps = []
            next_number = to
            while next_number is not None:
                answer = self.get(self.run_path(run, f"/steps?order=newest&limit={limit}&from={start}&to={next_number}"))
                steps += answer["steps"]
                self.assertTrue(len(answer["steps"]) == limit or answer["next"] is None)
                next_number = answer["next"]
            self.assertEqual(steps, known[start:to][::-1])
        self.assertEqual(self.ask(self.run_path(run, "/steps?order=random")).status, 422)

    def test_superseded_steps_by_stretches(self):
        stretches = 0
        for run in self.runs:
            gone = [step["number"] for step in run.is_known_of_steps() if step["superseded"]]
            for limit in (1, 1000):
                found = []
                next_number = 0
                while next_number is not None:
                    answer = self.get(self.run_path(run, f"/superseded?limit={limit}&from={next_number}"))
                    self.assertLessEqual(len(answer["ranges"]), limit)
                    found += answer["ranges"]
                    next_number = answer["next"]
                self.assertEqual([n for one in found for n in range(one["from"], one["to"])], gone, run.app_id)
                self.assertTrue(all(a["to"] < b["from"] for a, b in zip(found, found[1:])))
            stretches += len(found)
        self.assertGreater(stretches, 0)

    def test_a_step_whole(self):
        for run in self.runs:
            for known in list(run.is_known_of_steps())[:6]:
                step = run.steps[known["number"]]
                found = self.get(self.run_path(run, f"/steps/{step['number']}?cut=2147483647"))
                self.assertEqual({name: found[name] for name in known}, known)
                self.assertEqual(found["inputs"], step["inputs"])
                self.assertEqual(found["exception"], step["exception"])
                self.assertEqual(found["via"] and found["via"]["condition"], step["via"])
                self.assertIsNone(found["result"])
                if run.app_id not in ("big", "digits"):
                    self.assertEqual(found["state"], step["state"] and parsed(step["state"]))

    def test_long_values_are_cut(self):
        state = self.get(self.run_path(self.by_id["big"], "/steps/1?cut=4096"))["state"]
        self.assertEqual(state["$cut"], "none")  # as it has such a key itself; what is in it is cut
        head = state["head"]
        self.assertEqual((head["n"], head["$cut"]), (2, {"$cut": "none", "head": {"$cut": 2}}))
        self.assertEqual((head["text"]["$cut"], head["text"]["pointer"]), ("string", "/state/text"))
        self.assertTrue(("x" * 300_000).startswith(head["text"]["head"]))
        self.assertEqual((head["list"]["$cut"], head["list"]["count"]), ("array", 5001))
        for cut in (128, 200, 1000, 100_000):
            answer = self.ask(self.run_path(self.by_id["big"], f"/steps/1/state?cut={cut}"))
            self.assertLessEqual(len(answer.body), 2 * cut + 100)
            self.assertIn("$cut", answer.json())

    def test_states_pass_unaltered(self):
        for run in self.runs:
            for step in run.steps[:6]:
                target = self.run_path(run, f"/steps/{step['number']}/state")
                if step["state"] is None:
                    self.assertEqual(self.ask(target).status, 404)
                    continue
                expected = step["state"]
                if run.app_id == "floats":
                    expected = '{"n": null, "list": [null, null, 1e3], "text": "NaN"}'
                self.assertEqual(self.ask(target).body.decode(), expected)
                state = parsed(step["state"])
                for key in state if isinstance(state, dict) else ():
                    part = "/" + key.replace("~", "~0").replace("/", "~1")
                    body = self.ask(f"{target}?pointer={quote(part)}").body.decode()
                    self.assertIn(f"{json.dumps(key)}: {body}", expected)
        digits = self.run_path(self.by_id["digits"], "/steps/0/state?pointer=")
        self.assertEqual(self.ask(digits + "/z").body, b"123456789012345678901234567890")
        self.assertEqual(self.ask(digits + "/a").body, b"0.1000000000000000055511151231257827")
        nested = self.run_path(self.by_id["nested"], "/steps/2/state?pointer=")
        self.assertEqual(self.ask(nested + "/user/a~1b/~0").body, b"1")
        for missing in ("/user/x", "/n/0", "/user/name/0"):
            self.assertEqual(self.ask(nested + missing).status, 404)

    def test_records_say_what_is_true(self):
        for run in self.runs:
            found = self.get(self.run_path(run, "/records?limit=10000&cut=100000"))
            self.assertEqual((found["records"], found["next"]), (run.parts, None), run.app_id)
        chat = self.by_id["chat-2"]
        for limit in (1, 2, 3, 4, 8):
            records = []
            next_step = 0
            while next_step is not None:
                answer = self.get(self.run_path(chat, f"/records?limit={limit}&from={next_step}"))
                self.assertLess(len(answer["records"]), limit + 3)
                records += answer["records"]
                next_step = answer["next"]
            self.assertEqual(records, chat.parts)
        only = self.get(self.run_path(chat, "/records?from=1&to=2"))["records"]
        self.assertEqual(only, [part for part in chat.parts if part["step"] == 1])
        cut = self.get(self.run_path(self.by_id["local"], "/records?cut=128"))["records"][2]["value"]
        self.assertIn("$cut", json.dumps(cut))

    def test_overviews_say_what_is_true(self):
        for run, buckets in itertools.product(self.runs, (1, 2, 7, 200, 2000)):
            found = self.get(self.run_path(run, f"/overview?buckets={buckets}"))
            width = found["bucket_us"]
            self.assertEqual(width, run.duration // buckets + 1)
            self.assertEqual(len(found["buckets"]), buckets)
            for i, bucket in enumerate(found["buckets"]):
                start = run.first + i * width
                steps = [step for step in run.steps if start <= step["start"] < start + width]
                took = [(step["end"] or step["start"]) - step["start"] for step in steps]
                expected = {
                    "from": stamp(start),
                    "first_number": steps[0]["number"] if steps else None,
                    "step_count": len(steps),
                    "failed_count": sum(step["exception"] is not None for step in steps),
                    "open_count": sum(step["end"] is None for step in steps),
                    "busy_us": sum(took),
                    "longest_us": max(took, default=0),
                }
                self.assertEqual(bucket, expected, (run.app_id, buckets, i))

    def test_an_overview_goes_on_from_any_step(self):
        run = max(self.runs, key=lambda run: len(run.steps))
        whole = self.get(self.run_path(run, "/overview?buckets=7"))
        for first in {0, 1, len(run.steps) // 2, len(run.steps)}:
            rest = self.get(self.run_path(run, f"/overview?buckets=7&from={first}"))
            self.assertEqual((rest["complete"], rest["next"]), (True, None))
            self.assertEqual(sum(bucket["step_count"] for bucket in rest["buckets"]), len(run.steps) - first)
            self.assertEqual([bucket["from"] for bucket in rest["buckets"]], [b["from"] for b in whole["buckets"]])

    def test_folded_steps_are_all_steps(self):
        for run in self.runs:
            answer = self.get(self.run_path(run, "/folded?limit=1000"))
            self.assertEqual((answer["complete"], answer["next"]), (True, None))
            unfolded = []
            for group in answer["groups"]:
                self.assertEqual(group["from"], len(unfolded))
                self.assertTrue(group["times"] == 1 == len(group["actions"]) or group["times"] >= 3, group)
                unfolded += group["actions"] * group["times"]
                self.assertEqual(group["to"], len(unfolded))
                of_group = run.steps[group["from"] : group["to"]]
                ends = (group["first_sequence_id"], group["last_sequence_id"], group["started"], group["ended"])
                times = [step[name] and stamp(step[name]) for step, name in ((of_group[0], "start"), (of_group[-1], "end"))]
                self.assertEqual(ends, (of_group[0]["seq"], of_group[-1]["seq"], *times))
                if group["times"] > 1:
                    self.assertFalse(any(step["exception"] or step["end"] is None for step in of_group), group)
            self.assertEqual(unfolded, [step["action"] for step in run.steps], run.app_id)
            pages = []
            next_number = 0
            while next_number is not None:
                page = self.get(self.run_path(run, f"/folded?limit=2&from={next_number}"))
                pages += page["groups"]
                next_number = page["next"]
            self.assertEqual(pages, answer["groups"], run.app_id)

    def test_folded_steps_from_the_newest_on(self):
        for run in self.runs:
            for superseded in (True, False):
                numbers = [s["number"] for s in run.is_known_of_steps() if superseded or not s["superseded"]]
                found = []
                next_number = len(run.steps)
                while next_number is not None:
                    page = self.get(
                        self.run_path(run, f"/folded?order=newest&limit=3&superseded={int(superseded)}&to={next_number}")
                    )
                    for group in page["groups"]:
                        self.assertTrue(group["to"] <= next_number)
                        self.assertEqual(group["to"] - group["from"], group["times"] * len(group["actions"]))
                        for n in range(group["from"], group["to"]):
                            action = group["actions"][(n - group["from"]) % len(group["actions"])]
                            self.assertEqual(action, run.steps[n]["action"])
                        found = list(range(group["from"], group["to"])) + found
                    next_number = page["next"]
                self.assertEqual(found, numbers, (run.app_id, superseded))
            part = self.get(self.run_path(run, "/folded?limit=1000&from=1&to=4"))["groups"]
            covered = [n for group in part for n in range(group["from"], group["to"])]
            self.assertEqual(covered, list(range(1, min(4, len(run.steps)))))

    def test_searches_find_errors_and_actions(self):
        failed = [
            (run.app_id, step["number"]) for run in self.runs for step in run.steps if step["exception"] is not None
        ]
        self.assertGreater(len(failed), 0)
        for app_id, number in failed:
            step = self.by_id[app_id].steps[number]
            text = step["exception"].splitlines()[0][:40]
            hits = self.get(self.run_path(self.by_id[app_id], f"/search?q={quote(text.upper())}"))["hits"]
            found = [hit for hit in hits if (hit["number"], hit["field"]) == (number, "exception")]
            self.assertEqual(len(found), 1, text)
            self.assertEqual(found[0]["context"]["hit"].lower(), text.lower())
            value = json.dumps(step["exception"]).encode()
            self.assertEqual(found[0]["offset"], value.index(json.dumps(text)[1:-1].encode()))
        for run in self.runs:
            wanted = [step["number"] for step in run.steps if step["action"] == "tool"]
            hits = []
            next_number = 0
            while next_number is not None:
                page = self.get(self.run_path(run, f"/search?q=TOOL&limit=3&from={next_number}"))
                hits += page["hits"]
                next_number = page["next"]
            self.assertEqual([hit["number"] for hit in hits if hit["field"] == "action"], wanted, run.app_id)

    def test_a_hit_says_where_it_is(self):
        path = self.run_path(self.by_id["failed-1"], "")
        (hit,) = self.get(path + "/search?q=5")["hits"]
        self.assertEqual((hit["number"], hit["field"], hit["key"]), (1, "state", "list"))
        value = self.ask(path + "/steps/1/state?pointer=/list").body
        self.assertEqual((value, hit["offset"]), (b'[1, 2, {"x": "5"}]', value.index(b"5")))

    def test_a_project_is_searched_run_by_run(self):
        text = next(run.last_error for run in self.runs if run.last_error).splitlines()[0]
        expected = {
            run.app_id
            for run in self.runs
            if any(step["exception"] and text in step["exception"] for step in run.steps)
        }
        found = set()
        cursor = ""
        while cursor is not None:
            page = self.get(f"/api/v1/projects/p/search?q={quote(text)}" + (f"&cursor={cursor}" if cursor else ""))
            found |= {run["app_id"] for run in page["runs"] if any(hit["field"] == "exception" for hit in run["hits"])}
            self.assertEqual(page["complete"], page["next"] is None)
            cursor = page["next"]
        self.assertEqual(found, expected)

    def test_the_store_is_searched_over_all_projects(self):
        of_project = {}
        for project in [project["name"] for project in self.get("/api/v1/projects")["projects"]]:
            cursor = ""
            while cursor is not None:
                page = self.get(f"/api/v1/projects/{quote(project)}/search?q=e" + (f"&cursor={cursor}" if cursor else ""))
                of_project.update({(run["project"], run["app_id"]): run["hits"] for run in page["runs"]})
                self.assertTrue(all(run["project"] == project for run in page["runs"]))
                cursor = page["next"]
        activity = {
            (project, run["app_id"]): run["last_activity"]
            for project in {project for project, _ in of_project}
            for run in self.get(f"/api/v1/projects/{quote(project)}/runs?limit=1000")["runs"]
        }
        found = []
        cursor = ""
        while cursor is not None:
            page = self.get("/api/v1/search?q=e" + (f"&cursor={cursor}" if cursor else ""))
            self.assertLessEqual(len(page["runs"]), 20)
            self.assertEqual(page["complete"], page["next"] is None)
            found += [((run["project"], run["app_id"]), run["hits"]) for run in page["runs"]]
            cursor = page["next"]
        self.assertEqual(len(found), len(of_project))
        self.assertEqual(dict(found), of_project)
        times = [activity[name] for name, _ in found]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(self.ask("/api/v1/search?q=e&cursor=x").status, 422)
        self.assertEqual(self.ask("/api/v1/search").status, 422)

    def test_histories_say_what_is_true(self):
        pointers = ["/n", "/x", "/user", "/user/name", "/user/tags/1", "/m", "/none", "/gone", "/list/2/x"]
        for run, text in itertools.product(self.runs, pointers):
            if run.app_id in ("big", "digits"):
                continue
            expected = []
            last = None
            for step in run.steps:
                if step["state"] is None:
                    continue
                value = self.value_at(parsed(step["state"]), text)
                if json.dumps(value) != last:
                    expected.append((step["number"], step["seq"], step["action"], stamp(step["end"]), *value))
                last = json.dumps(value)
            for limit in (1000, 2):
                values = []
                next_number = 0
                while next_number is not None:
                    answer = self.get(
                        self.run_path(run, f"/history?pointer={quote(text)}&from={next_number}&limit={limit}")
                    )
                    self.assertTrue(answer["complete"])
                    values += answer["values"]
                    next_number = answer["next"]
                names = ("number", "sequence_id", "action", "ended", "present", "value")
                self.assertEqual(
                    [tuple(value[name] for name in names) for value in values], expected, (run.app_id, text)
                )
            part = self.get(self.run_path(run, f"/history?pointer={quote(text)}&to=5"))
            self.assertEqual([value["number"] for value in part["values"]], [row[0] for row in expected if row[0] < 5])
            self.assertIsNone(part["next"])
            sampled = self.get(self.run_path(run, f"/history?pointer={quote(text)}&samples=7"))["values"]
            looked_at = {i * (len(run.steps) - 1) // 6 for i in range(7)}
            self.assertEqual(sampled, self.sampled(run, text, looked_at) if len(run.steps) > 7 else sampled)

    def sampled(self, run, text, numbers):
        """What a history tells that looks at these steps alone."""
        each = (self.get(self.run_path(run, f"/history?pointer={quote(text)}&from={n}&to={n + 1}")) for n in sorted(numbers))
        values = [value for answer in each for value in answer["values"]]
        same = lambda a, b: (a["present"], json.dumps(a["value"])) == (b["present"], json.dumps(b["value"]))
        return [one for i, one in enumerate(values) if i == 0 or not same(values[i - 1], one)]

    @staticmethod
    def value_at(value, text):
        for part in text.split("/")[1:]:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
                value = value[int(part)]
            else:
                return (False, None)
        return (True, value)

    def apply(self, state, changes):
        """The state after all changes, where no list became longer or shorter."""
        state = json.loads(json.dumps(state))
        for change in changes:
            parts = [part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:]]
            place = state
            for part in parts[:-1]:
                place = place[int(part) if isinstance(place, list) else part]
            key = int(parts[-1]) if isinstance(place, list) else parts[-1]
            self.assertEqual("before" in change, change["kind"] != "added")
            self.assertEqual("after" in change, change["kind"] != "removed")
            if change["kind"] != "added":
                self.assertEqual(place[key], change["before"])
            if change["kind"] == "removed":
                del place[key]
            else:
                place[key] = change["after"]
        return state

    def test_differences_lead_from_one_state_to_the_other(self):
        for name in ("nested", "rewound", "ok-1", "recovered", "long"):
            run = self.by_id[name]
            ended = [step for step in run.steps[:8] if step["state"] is not None]
            for a, b in itertools.product(ended, ended):
                found = self.get(self.run_path(run, f"/difference?from={a['number']}&to={b['number']}"))
                self.assertEqual((found["from"], found["to"]), (a["number"], b["number"]))
                public = lambda step: {k: v for k, v in parsed(step["state"]).items() if not k.startswith("__")}
                self.assertEqual(self.apply(public(a), found["changes"]), public(b), (name, found))
                kinds = [change["kind"] for change in found["changes"]]
                self.assertEqual(
                    [found[kind] for kind in ("added", "changed", "removed")],
                    [kinds.count(kind) for kind in ("added", "changed", "removed")],
                )
                self.assertTrue(found["complete"] and found["before_known"])
                if len(kinds) > 1:
                    first = self.get(self.run_path(run, f"/difference?from={a['number']}&to={b['number']}&limit=1"))
                    self.assertEqual((first["complete"], first["changes"]), (False, found["changes"][:1]))
                    self.assertEqual(first["added"], found["added"])

    def test_states_of_two_runs_are_compared(self):
        one, other = self.by_id["nested"], self.by_id["ok-1"]
        public = lambda step: {k: v for k, v in parsed(step["state"]).items() if not k.startswith("__")}
        ended = [step for step in one.steps if step["state"] is not None]
        b = other.steps[-1]
        path = self.run_path(other, f"/difference?to={b['number']}")
        of_one = f"&from_app_id={quote(one.app_id)}"
        for query, a in ((f"{of_one}&from={ended[0]['number']}", ended[0]), (of_one, ended[-1]), (of_one + "&from_project=p", ended[-1])):
            found = self.get(path + query)
            self.assertEqual((found["from"], found["to"], found["before_known"]), (a["number"], b["number"], True))
            self.assertEqual(self.apply(public(a), found["changes"]), public(b))
            answer = self.ask(path + query)
            self.assertEqual(self.ask(path + query, If_None_Match=answer.headers["ETag"]).status, 304)
        for query, text in (
            ("&from_app_id=nobody", "nobody"),
            ("&from_app_id=", "application"),
            ("&from_app_id=..&from_project=..", "application"),
            ("&from_project=nowhere", "application"),
            (of_one + "&from=999999", "no step number 999999"),
        ):
            answer = self.ask(path + query)
            self.assertEqual(answer.status, 404, query)
            self.assertIn(text, answer.json()["detail"])

    def test_a_step_is_compared_with_what_it_began_with(self):
        for run in self.runs:
            for step in run.steps[:8]:
                target = self.run_path(run, f"/difference?to={step['number']}")
                if step["state"] is None:
                    self.assertEqual(self.ask(target).status, 404)
                    continue
                found = self.get(target)
                earlier = [one for one in run.steps[: step["number"]] if one["state"] is not None]
                exact = [one for one in earlier if one["seq"] == step["seq"] - 1]
                before = (exact or earlier or [None])[-1]
                self.assertEqual(found["from"], before and before["number"], (run.app_id, step["number"]))
                self.assertEqual(found["before_known"], before is not None or run.initial is not None)
        found = self.get(self.run_path(self.by_id["initial"], "/difference?to=0"))
        self.assertEqual(self.apply({"n": -1, "old": 1}, found["changes"]), {"n": 0})

    def test_status_and_health(self):
        status = self.get("/api/v1/status")
        self.assertEqual(status["pid"], self.server.collector.process.pid)
        self.assertEqual(status["store"], self.store)
        self.assertTrue(status["index"]["ready"])
        self.assertEqual(self.get("/healthz?x=1&x=1"), {"ok": True})
        self.assertEqual(self.get("/ready"), {"ready": True})
        for method in ("GET", "POST"):  # nobody asks for a token here
            answer = self.ask("/api/v1/session", method)
            self.assertEqual((answer.status, answer.body, answer.headers["set-cookie"]), (204, b"", None))


# ---- lists of runs ----


def one(values, fits):
    return any(fits(value) for value in values)


def number(fits):
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and fits(value)


FILTERS = {
    "": lambda run: True,
    "status:ok": lambda run: run.status == "ok",
    "status:failed,lost": lambda run: run.status in ("failed", "lost"),
    "-status:waiting": lambda run: run.status != "waiting",
    "status:running": lambda run: run.status == "running",
    "status:unknown": lambda run: run.status == "unknown",
    "is:root": lambda run: run.parent_app is None,
    "is:forked": lambda run: run.parent is not None,
    "is:spawned,forked": lambda run: run.parent_app is not None,
    "-is:root": lambda run: run.parent_app is not None,
    "is:damaged": lambda run: run.damaged > 0,
    "action:tool": lambda run: "tool" in run.actions,
    "-action:talk": lambda run: "talk" not in run.actions,
    'action:"my act"': lambda run: "my act" in run.actions,
    "action:t*": lambda run: one(run.actions, lambda name: name.startswith("t")),
    "-action:t*,my*": lambda run: not one(run.actions, lambda name: name.startswith(("t", "my"))),
    "action:TALK": lambda run: False,
    "partition:ann": lambda run: run.partition == "ann",
    "partition:ann,bob": lambda run: run.partition in ("ann", "bob"),
    "-partition:ann": lambda run: run.partition != "ann",
    'partition:"käse brot"': lambda run: run.partition == "käse brot",
    "partition:*": lambda run: run.partition is not None,
    "-partition:*": lambda run: run.partition is None,
    'partition:""': lambda run: False,
    '-partition:""': lambda run: True,
    "app:chat-*": lambda run: run.app_id.startswith("chat-"),
    "app:chat-1,nested": lambda run: run.app_id in ("chat-1", "nested"),
    'app:"50%25 +1&x=?#"': lambda run: run.app_id == "50%25 +1&x=?#",
    'app:"quote\\"\'\\\\"': lambda run: run.app_id == "quote\"'\\",
    "-app:*-*": lambda run: "-" not in run.app_id,
    "parent:chat-1": lambda run: run.parent_app == "chat-1",
    "parent:chat-*": lambda run: (run.parent_app or "").startswith("chat-"),
    "-parent:chat-1": lambda run: run.parent_app != "chat-1",
    "error:key": lambda run: "key" in (run.last_error or "").lower(),
    'error:"no such"': lambda run: "no such" in (run.last_error or "").lower(),
    "-error:e": lambda run: "e" not in (run.last_error or "").lower(),
    "error:value*key": lambda run: bool(re.search("value.*key", run.last_error or "", re.I | re.S)),
    "steps:>2": lambda run: len(run.steps) > 2,
    "steps:1..2": lambda run: 1 <= len(run.steps) <= 2,
    "steps:1,300": lambda run: len(run.steps) in (1, 300),
    "-steps:<=3": lambda run: len(run.steps) > 3,
    "tokens:>=207": lambda run: run.tokens >= 207,
    "tokens:0": lambda run: run.tokens == 0,
    "duration:>1s": lambda run: run.duration > 1_000_000,
    "duration:1ms..3.5ms": lambda run: 1000 <= run.duration <= 3500,
    "after:2026-01-01T00:10": lambda run: run.last >= START_US + 600_000_000,
    "before:2026-01-01T00:10:00Z": lambda run: run.last < START_US + 600_000_000,
    "after:2026-01-01T02:05:00+02:00 before:2026-01-01T00:20": lambda run: 5 <= (run.last - START_US) / 60e6 < 20,
    "after:1s": lambda run: False,
    "before:0s": lambda run: True,
    "chat": lambda run: run.contains("chat"),
    "CHAT": lambda run: run.contains("chat"),
    '"my act"': lambda run: run.contains("my act"),
    "-tool": lambda run: not run.contains("tool"),
    "chat talk": lambda run: run.contains("chat") and run.contains("talk"),
    "timed": lambda run: run.contains("timed"),
    "ann": lambda run: run.contains("ann"),
    "state.n:5": lambda run: one(run.state_values("n"), number(lambda n: n == 5)),
    "state.n:5.0": lambda run: one(run.state_values("n"), number(lambda n: n == 5)),
    'state.n:"3"': lambda run: "3" in run.state_values("n"),
    "state.n:>1": lambda run: one(run.state_values("n"), number(lambda n: n > 1)),
    "state.n:0,1,2..5": lambda run: one(run.state_values("n"), number(lambda n: n in (0, 1) or 2 <= n <= 5)),
    "-state.n:>0": lambda run: not one(run.state_values("n"), number(lambda n: n > 0)),
    "state.n:null": lambda run: run.state_values("n") == [None],
    "state.n:": lambda run: bool(run.state_values("n")),
    "-state.n:*": lambda run: not run.state_values("n"),
    "state.flag:true": lambda run: run.state_values("flag") == [True],
    "state.user.name:a*": lambda run: one(run.state_values("user", "name"), lambda name: str(name).startswith("a")),
    'state.list.2.x:"5"': lambda run: run.state_values("list", 2, "x") == ["5"],
    "state.list.2.x:5": lambda run: False,
    'state.text:"a*b"': lambda run: run.state_values("text") == ["a*b"],
    "state.z:123456789012345678901234567890": lambda run: run.app_id == "digits",
    'state.id:"ünï·1"': lambda run: run.app_id == "ünï·1",
    "input.prompt:q1": lambda run: "q1" in run.input_values("prompt"),
    "-input.prompt:q*": lambda run: not one(run.input_values("prompt"), lambda text: text.startswith("q")),
    "input.k:>=2": lambda run: one(run.input_values("k"), number(lambda k: k >= 2)),
    "input.k:2.5": lambda run: 2.5 in run.input_values("k"),
    "attr.model:m-1": lambda run: "m-1" in run.attribute_values("model"),
    "attr.model:m-*": lambda run: one(run.attribute_values("model"), lambda text: text.startswith("m-")),
    "attr.model:": lambda run: bool(run.attribute_values("model")),
    "-attr.model:*": lambda run: not run.attribute_values("model"),
    "attr.gen_ai.usage.input_tokens:>150": lambda run: one(
        run.attribute_values("gen_ai.usage.input_tokens"), lambda count: count > 150
    ),
    "attr.a.b:": lambda run: bool(run.attribute_values("a.b")),
    "status:waiting action:talk -partition:* state.n:<2 steps:>1": lambda run: (
        run.status == "waiting"
        and "talk" in run.actions
        and run.partition is None
        and one(run.state_values("n"), number(lambda n: n < 2))
        and len(run.steps) > 1
    ),
}

class LongRun(Served):
    """Cycles that are longer than what is folded at once, then steps that make none, then one cycle to the end."""

    app_id = "long"
    parts = ((40_000, 3), (400, 0), (30_000, 2))

    @classmethod
    def fill(cls):
        super().fill()
        run = Run(cls.app_id)
        cls.actions = []
        for count, period in cls.parts:
            cls.actions += [f"a{i % period if period else 10 + i % 101}" for i in range(count)]
        for i, action in enumerate(cls.actions):
            run.line("begin_entry", run.at(None), action=action, inputs={}, sequence_id=i)
            run.line("end_entry", run.at(None), action=action, result=None, exception=None, sequence_id=i, state="{}")
        run.write(cls.store, "p")

    def pages(self, limit):
        groups = []
        number = 0
        while number is not None:
            page = self.get(f"/api/v1/projects/p/runs/{self.app_id}/folded?limit={limit}&from={number}")
            self.assertTrue(page["groups"])
            self.assertTrue(page["complete"] or page["next"] is not None)
            groups += page["groups"]
            number = page["next"]
        return groups

    def test_folded_from_the_newest_on(self):
        newest = self.get(f"/api/v1/projects/p/runs/{self.app_id}/folded?order=newest&limit=500")["groups"]
        self.assertEqual([(g["from"], g["to"], g["times"]) for g in (newest[0], newest[-1])], [(40400, 70400, 15000), (0, 1, 1)])
        self.assertEqual(newest[-2]["times"], 13333)

    def test_folded(self):
        whole = self.pages(1000)
        self.assertEqual(self.pages(7), whole)
        self.assertEqual([(g["from"], g["to"], g["times"]) for g in (whole[0], whole[-1])], [(0, 39999, 13333), (40400, 70400, 15000)])
        self.assertEqual([action for g in whole for action in g["actions"] * g["times"]], self.actions)

    def test_overview(self):
        found = self.get(f"/api/v1/projects/p/runs/{self.app_id}/overview?buckets=10")
        self.assertEqual([bucket["step_count"] for bucket in found["buckets"]], [len(self.actions) // 10] * 10)
        self.assertEqual(sum(bucket["busy_us"] for bucket in found["buckets"]), 1000 * len(self.actions))


SORTS = {
    "last": lambda run: run.last,
    "first": lambda run: run.first,
    "duration": lambda run: run.duration,
    "steps": lambda run: len(run.steps),
    "failed": lambda run: run.failed,
    "tokens": lambda run: run.tokens,
}


class Lists(Store):
    def pages(self, limit, **values):
        """All pages, one after another."""
        cursor = ""
        pages = []
        while cursor is not None:
            text = query([("limit", limit), ("cursor", cursor), *values.items()])
            pages.append(self.get("/api/v1/projects/p/runs?" + text))
            self.assertLessEqual(len(pages[-1]["runs"]), limit)
            self.assertTrue(pages[-1]["complete"])
            cursor = pages[-1]["next"]
            self.assertTrue(cursor is None or len(pages[-1]["runs"]) == limit)
        return pages

    def ids(self, pages):
        return [run["app_id"] for page in pages for run in page["runs"]]

    def test_names_that_the_index_does_not_keep(self):
        base = "/api/v1/projects/strange/runs/names"
        shown = "x" * 1024 + "…"
        self.assertEqual([step["action"] for step in self.get(base + "/steps")["steps"]], [shown])
        self.assertEqual(self.get(base + "/steps/0")["action"], shown)
        self.assertEqual([group["actions"] for group in self.get(base + "/folded")["groups"]], [[shown]])

    def test_filters(self):
        by_rows = 0
        for text, fits in FILTERS.items():
            expected = sorted(run.app_id for run in self.runs if fits(run))
            pages = self.pages(1000, filter=text)
            self.assertEqual(sorted(self.ids(pages)), expected, text)
            self.assertIn(pages[0]["total"], (None, len(expected)), text)
            by_rows += pages[0]["total"] is not None
            self.assertEqual(sorted(self.ids(self.pages(3, filter=text, sort="first"))), expected, text)
        self.assertGreater(by_rows, 30)
        self.assertGreater(len(FILTERS) - by_rows, 30)

    def test_a_filter_and_its_opposite_part_all_runs(self):
        for text in FILTERS:
            if not text or " " in re.sub('"[^"]*"', "", text):
                continue
            opposite = text[1:] if text.startswith("-") else "-" + text
            found = self.ids(self.pages(1000, filter=text)) + self.ids(self.pages(1000, filter=opposite))
            self.assertEqual(sorted(found), sorted(self.by_id), text)

    def test_each_page_goes_on_where_the_one_before_ended(self):
        wanted = {text: FILTERS[text] for text in ("", "state.n:>1", "-is:root")}
        for (word, key), down, limit, (text, fits) in itertools.product(
            SORTS.items(), (False, True), (1, 2, 7, len(self.runs)), wanted.items()
        ):
            pages = self.pages(limit, sort="-" + word if down else word, filter=text)
            ids = self.ids(pages)
            keys = [key(self.by_id[app_id]) for app_id in ids]
            self.assertEqual(keys, sorted(keys, reverse=down), (word, down, limit))
            self.assertEqual(sorted(ids), sorted(run.app_id for run in self.runs if fits(run)), (word, down, limit))
            total = None if text.startswith("state") else len(ids)
            self.assertEqual([page["total"] for page in pages], [total] + [None] * (len(pages) - 1))

    def test_roots_and_children(self):
        children = [run.app_id for run in self.runs if run.parent_app]
        for word in ("true", "1"):
            found = self.ids(self.pages(5, roots=word))
            self.assertEqual(sorted(found), sorted(set(self.by_id) - set(children)))
        self.assertEqual(len(self.ids(self.pages(5, roots="false"))), len(self.runs))
        for parent in ("chat-1", "chat-2", "nested", "", "no such"):
            for roots in ("false", "true"):
                found = self.ids(self.pages(1, parent=parent, roots=roots))
                self.assertEqual(sorted(found), sorted(run.app_id for run in self.runs if run.parent_app == parent))
        self.assertEqual(self.ids(self.pages(9, parent="chat-1", filter="status:ok")), ["spawn-1"])


class Indexing(unittest.TestCase):
    """A store that is found at the start: what is missing yet is said to be."""

    roots, children = 1200, 30

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="burr-api-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.store = os.path.join(cls.folder, "store")
        os.mkdir(cls.store)
        Server(cls.store).close()
        for i in range(cls.roots):
            Run(f"root-{i}").step(0, "hi", {"n": i}).write(cls.store, "p")
        for i in range(cls.children):
            Run(f"child-{i}", parent=pointer("root-7", 0)).step(0, "hi", {"n": i}).write(cls.store, "p")

    def test_what_is_missing_is_said(self):
        catalog = next(pathlib.Path(self.store).glob(".burr-catalog*"))
        held = sqlite3.connect(catalog, isolation_level=None)
        self.addCleanup(held.close)
        held.execute("BEGIN IMMEDIATE")  # nothing is indexed while it lasts
        server = Server(self.store, ready=False)
        self.addCleanup(server.close)
        runs = "/api/v1/projects/p/runs?limit=1&roots=true"
        seen = [server.get(target)["indexing"] for target in ("/api/v1/projects", runs)]
        self.assertEqual([indexing["done"] for indexing in seen], [0, 0])
        held.rollback()
        while not seen or seen[-1] is not None:
            for target, schema in (("/api/v1/projects", "Projects"), (runs, "Runs")):
                answer = server.get(target)
                VALIDATOR.check(DOCUMENT["components"]["schemas"][schema], answer)
                indexing = answer["indexing"]
                seen.append(indexing)
                if indexing is None and target == runs:
                    self.assertEqual(answer["total"], self.roots)
                elif indexing is None:
                    counts = [(project["run_count"], project["root_count"]) for project in answer["projects"]]
                    self.assertEqual(counts, [(self.roots + self.children, self.roots)])
                else:
                    self.assertLessEqual(indexing["done"], max(indexing["total"], self.roots + self.children))
        done = [indexing["done"] for indexing in seen if indexing]
        self.assertEqual(done, sorted(done))
        self.assertIsNone(server.get(runs + "&filter=steps:%3E0")["total"])


# ---- what changes ----


class Extremes(Served):
    """Steps that overlap, a step with any number of attributes, a log that is written over."""

    @classmethod
    def fill(cls):
        super().fill()
        cls.mixed = Run("mixed").begin(0, "hi").begin(1, "talk").begin(2, "talk")
        for n in (1, 0, 2, 0, 1, 1, 0, 2):
            cls.mixed.attribute(n, "k", n)
        for n in (1, 0, 2):
            cls.mixed.part("end_span", n, span_id=f"{n}:0").end(n, {"n": n})
        crowded = Run("crowded").begin(0, "hi")
        for i in range(12000):
            crowded.attribute(0, f"k{i}", "needle")
        crowded.end(0, {"n": 0}).begin(1, "talk").attribute(1, "k", "needle").end(1, {"n": 1})
        cls.edited = Run("edited").step(0, "hi", {"n": "secret"}).step(1, "hi", {"n": "x" * 200})
        for run in (cls.mixed, crowded, cls.edited):
            run.write(cls.store, "p")

    def test_records_of_steps_that_overlap_come_once(self):
        for limit in (1, 2, 9, 10, 12, 13, 20, 100):
            records = []
            next_step = 0
            for _ in self.mixed.steps:
                answer = self.get(f"/api/v1/projects/p/runs/mixed/records?limit={limit}&from={next_step}")
                self.assertEqual(answer["left_out"], 0)
                records += answer["records"]
                next_step = answer["next"]
                if next_step is None:
                    break
            self.assertIsNone(next_step, limit)
            self.assertEqual(sorted(map(str, records)), sorted(map(str, self.mixed.parts)), limit)

    def test_an_answer_about_one_step_has_an_end(self):
        records = "/api/v1/projects/p/runs/crowded/records"
        search = "/api/v1/projects/p/runs/crowded/search?q=needle&limit=1"
        answer = self.get(records + "?limit=1")
        self.assertEqual((len(answer["records"]), answer["left_out"], answer["next"]), (10000, 2000, 1))
        answer = self.get(records + "?from=1")
        self.assertEqual((len(answer["records"]), answer["left_out"], answer["next"]), (1, 0, None))
        answer = self.get(search)
        self.assertEqual((len(answer["hits"]), answer["next"]), (1000, 1))
        self.assertEqual(len(self.get(search + "&from=1")["hits"]), 1)

    def test_what_was_written_over_is_sent_again(self):
        target = "/api/v1/projects/p/runs/edited/steps/0/state"
        before = self.ask(target)
        self.assertIn(b"secret", before.body)
        with open(self.edited.path, "r+b") as file:
            text = file.read()
            file.seek(0)
            file.write(text.replace(b"secret", b"------"))
        again = self.ask(target, if_none_match=before.headers["etag"])
        self.assertEqual(again.status, 200)
        self.assertNotIn(b"secret", again.body)


class Damage(Served):
    """Lines that are no records, among some that are."""

    LINES = 250

    @classmethod
    def fill(cls):
        super().fill()
        cls.made = Run("hurt").step(0, "hi", {"n": 0})
        cls.made.write(cls.store, "p")
        Run("whole").step(0, "hi", {"n": 0}).write(cls.store, "p")
        cls.start = os.path.getsize(cls.made.path)
        cls.hurt = [b'{"type": "begin_en', b"[1]", b'{"type": "begin_entry"}', b'"\xff"'] + [b"x" * 3000] * (cls.LINES - 4)
        with open(cls.made.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in cls.hurt) + b'{"being": "writt')

    def test_every_damaged_line_is_told_with_its_place(self):
        path = "/api/v1/projects/p/runs/hurt/damage"
        lines = []
        answer = {"next": 0, "next_line": 1}
        while answer["next"] is not None:
            answer = self.get(f"{path}?from={answer['next']}&line={answer['next_line']}")
            lines += answer["lines"]
            self.assertLessEqual(len(answer["lines"]), 100)
            self.assertEqual(answer["complete"], answer["next"] is None)
        self.assertEqual(len(lines), self.LINES)
        self.assertEqual([line["line"] for line in lines], list(range(3, 3 + self.LINES)))
        self.assertEqual([line["bytes"] for line in lines], [len(line) for line in self.hurt])
        self.assertEqual(lines[0]["offset"], self.start)
        self.assertEqual(lines[3]["head"], '"\ufffd"')
        self.assertEqual(lines[9]["head"], "x" * 200)
        self.assertEqual([line["reason"] for line in lines[1:3]], ["JSON, but no object", "an object that lacks what its type needs"])
        self.assertEqual(self.get("/api/v1/projects/p/runs/hurt")["damaged_count"], self.LINES)

    def test_a_whole_log_has_none(self):
        answer = self.get("/api/v1/projects/p/runs/whole/damage")
        self.assertEqual((answer["lines"], answer["complete"], answer["next"]), ([], True, None))


class Changes(Served):
    @classmethod
    def fill(cls):
        cls.made = Run("one/two".replace("/", " ")).step(0, "hi", {"n": 0})
        cls.made.write(cls.store, "p")

    @contextlib.contextmanager
    def listen(self, *topics, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=WAIT_S)
        text = ",".join(quote(part) if part == "projects" else "/".join(map(quote, part.split("/"))) for part in topics)
        connection.request("GET", "/api/v1/events?topics=" + quote(text), headers=headers)
        response = connection.getresponse()
        try:
            self.assertEqual((response.status, response.headers["content-type"]), (200, "text/event-stream"))
            yield response
        finally:
            response.close()
            connection.close()

    def event(self, response):
        """The next event; what a comment says is passed over."""
        event = {}
        for line in iter(response.readline, b"\n"):
            self.assertTrue(line.endswith(b"\n"), "the stream has ended")
            name, _, value = line.decode().rstrip("\n").partition(": ")
            event[name] = value
        if "data" not in event:
            return self.event(response)
        schema = {"hello": "Hello", "change": "Changed"}[event["event"]]
        data = json.loads(event["data"])
        VALIDATOR.check(DOCUMENT["components"]["schemas"][schema], data)
        self.assertRegex(event["id"], r"^\d+$")  # all up to it was told, of each topic
        return event["event"], data

    def append(self, write):
        before = len(self.made.lines)
        write(self.made)
        with open(self.made.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in self.made.lines[before:]))

    def test_a_step_is_told_and_answers_change_with_it(self):
        base = f"/api/v1/projects/p/runs/{quote(self.made.app_id)}"
        targets = [
            "/api/v1/projects",
            "/api/v1/projects/p/runs",
            base,
            base + "/steps",
            base + "/steps/0",
            base + "/overview",
        ]
        topics = ["projects", "project/p", "run/p/" + self.made.app_id]
        with self.listen(*topics) as stream:
            kind, hello = self.event(stream)
            self.assertEqual((kind, hello["version"]), ("hello", self.get("/api/v1/status")["version"]))
            tags = {target: self.ask(target).headers["etag"] for target in targets}
            for target, tag in tags.items():
                self.assertEqual(self.ask(target, if_none_match=tag).status, 304, target)
            self.append(lambda run: run.step(1, "talk", {"n": 1}))
            told = set()
            while len(told) < len(topics):
                kind, change = self.event(stream)
                self.assertEqual(kind, "change")
                self.assertGreater(change["cursor"], hello["cursor"])
                told.add(urllib.parse.unquote(change["topic"]))
            self.assertEqual(told, set(topics))
            for target, tag in tags.items():
                self.assertEqual(self.ask(target, if_none_match=tag).status, 200, target)
            self.assertEqual(self.get(base)["step_count"], len(self.made.steps))

    def test_who_missed_something_is_told_of_all(self):
        topic = "project/p"
        with self.listen(topic, **{"Last-Event-ID": "1"}) as stream:
            self.assertEqual(self.event(stream)[0], "hello")
            self.assertEqual(self.event(stream)[1]["topic"], topic)


if __name__ == "__main__":
    if not os.access(BURR, os.X_OK):
        print("SKIP: the program is not built ($BURR)")
        sys.exit(77)
    if not REAL_STORE.is_dir():
        print(f"without a store written by Burr, as there is none at {REAL_STORE} (BURR_REAL_STORE)")
    unittest.main(verbosity=2)
