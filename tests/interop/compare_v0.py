"""Compare two servers of Burr's HTTP API (version 0) over the same store, field by field.

    compare_v0.py REFERENCE_URL OUR_URL STORE [--write]

REFERENCE_URL is Burr's own server on (a copy of) STORE, OUR_URL is ours. With --write, which needs two copies,
annotations are made and changed on both as well. Every difference is printed; the exit code is 1 when there
was one. What is known and meant is left out:

- times of lists: Burr gives those of folders, ours are those of the records; so the order differs, too
- uri: Burr links its own demo projects to its examples
- num_apps: Burr counts every entry of a project's folder, ours counts applications
- projects: Burr lists hidden folders and names that are none
- supports_demos: the demo pages are Burr's own
- errors: only the status and that there is a `detail` is compared
- where Burr answers 500, ours has to answer all the same
- the annotation that a PUT answers: Burr gives the one before the change
- POST to an unknown application: Burr makes the annotation, ours is a 404
- a partition key with a slash: Burr splits the path after decoding it, so it is asked without the key
"""

import datetime
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

TIME_KEYS = {
    "start_time", "end_time", "time_logged", "stream_init_time", "first_item_time", "event_time",
}  # fmt: skip
PROJECT_NAME = re.compile(r"^[a-zA-Z0-9_:-]{1,128}$")


class Differences:
    def __init__(self):
        self.found = []
        self.compared = 0
        self.reference_failed = []

    def add(self, where, theirs, ours):
        self.found.append(f"{where}\n    theirs: {shorten(theirs)}\n    ours:   {shorten(ours)}")


def shorten(value):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 300 else text[:300] + "…"


def ask(base, path, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, text.decode("utf-8", "replace")


def moment(text):
    """A time as a number, so that 12:00:00.5 and 12:00:00.500000 are the same."""
    if text is None:
        return None
    value = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (value.tzinfo is not None, value.timestamp())


def compare(where, theirs, ours, differences, ignore=()):
    """Deep: kinds, keys and their order, numbers, texts; times as moments."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if list(theirs) != list(ours):
            differences.add(where + " (keys)", list(theirs), list(ours))
        for key in theirs:
            if key in ignore or key not in ours:
                continue
            if key in TIME_KEYS and isinstance(theirs[key], str) and isinstance(ours[key], str):
                differences.compared += 1
                if moment(theirs[key]) != moment(ours[key]):
                    differences.add(f"{where}.{key}", theirs[key], ours[key])
                continue
            compare(f"{where}.{key}", theirs[key], ours[key], differences, ignore)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            differences.add(where + " (length)", len(theirs), len(ours))
        for i, (one, other) in enumerate(zip(theirs, ours)):
            compare(f"{where}[{i}]", one, other, differences, ignore)
    else:
        differences.compared += 1
        if type(theirs) is not type(ours) or theirs != ours:
            differences.add(where, theirs, ours)


def compare_answers(where, theirs, ours, differences, ignore=()):
    their_status, their_body = theirs
    our_status, our_body = ours
    if their_status >= 500:
        differences.reference_failed.append(where)
        if our_status >= 500:
            differences.add(where + " (both fail)", their_status, our_status)
        return False
    if their_status != our_status:
        differences.add(where + " (status)", [their_status, their_body], [our_status, our_body])
        return False
    if their_status != 200:
        differences.compared += 1
        if not isinstance(our_body, dict) or "detail" not in our_body:
            differences.add(where + " (error)", their_body, our_body)
        return False
    compare(where, their_body, our_body, differences, ignore)
    return True


def quoted(text):
    return urllib.parse.quote(text, safe="")


class Comparison:
    def __init__(self, reference, ours, store):
        self.reference = reference.rstrip("/")
        self.ours = ours.rstrip("/")
        self.store = store
        self.differences = Differences()
        self.runs = 0

    def both(self, path, method="GET", body=None):
        return ask(self.reference, path, method, body), ask(self.ours, path, method, body)

    def check(self, path, ignore=(), method="GET", body=None):
        theirs, ours = self.both(path, method, body)
        compare_answers(f"{method} {path}", theirs, ours, self.differences, ignore)
        return theirs, ours

    def small_answers(self):
        self.check("/ready")
        self.check("/api/v0/ready")
        self.check("/api/v0/version", ignore={"version"})
        self.check("/api/v0/metadata/app_spec", ignore={"supports_demos"})
        self.check("/api/v0/indexing_jobs")
        self.check("/api/v0/no_such_project/__none__/apps")
        self.check("/api/v0/no_such_project/no_such_app/__none__/apps")
        self.check("/api/v0/no_such_project/annotations")
        for query in ("limit=x", "offset=1.5", "limit="):
            self.check(f"/api/v0/no_such_project/__none__/apps?{query}")

    def projects(self):
        theirs, ours = self.both("/api/v0/projects")
        where = "GET /api/v0/projects"
        if theirs[0] != 200 or ours[0] != 200:
            compare_answers(where, theirs, ours, self.differences)
            return [project["id"] for project in ours[1]] if ours[0] == 200 else []
        known = {p["name"]: p for p in theirs[1] if PROJECT_NAME.match(p["name"])}
        mine = {p["name"]: p for p in ours[1]}
        if set(known) != set(mine):
            self.differences.add(where, sorted(known), sorted(mine))
        for name in sorted(set(known) & set(mine)):
            ignore = {"last_written", "created", "uri", "num_apps"}
            compare(f"{where} {name}", known[name], mine[name], self.differences, ignore)
            for key in ("last_written", "created"):
                moment(mine[name][key])
            if mine[name]["num_apps"] != self.count_apps(name):
                self.differences.add(
                    f"{where} {name}.num_apps", self.count_apps(name), mine[name]["num_apps"]
                )
        return sorted(set(known) | set(mine))

    def count_apps(self, project):
        with os.scandir(os.path.join(self.store, project)) as entries:
            return sum(e.is_dir() and not e.name.startswith(".") for e in entries)

    def page(self, project, partition, limit, offset):
        path = f"/api/v0/{quoted(project)}/{quoted(partition)}/apps?limit={limit}&offset={offset}"
        return path, *self.both(path)

    def apps(self, project):
        path, theirs, ours = self.page(project, "__none__", 10000, 0)
        if ours[0] != 200:
            self.differences.add(path, theirs[0], ours)
            return
        mine = {app["app_id"]: app for app in ours[1]["applications"]}
        if theirs[0] != 200:
            self.differences.reference_failed.append(path)
        else:
            known = {app["app_id"]: app for app in theirs[1]["applications"]}
            compare(path, sorted(known), sorted(mine), self.differences)
            for app_id in sorted(set(known) & set(mine)):
                ignore = {"first_written", "last_written"}
                compare(f"{path} {app_id}", known[app_id], mine[app_id], self.differences, ignore)
            ignore = {"applications"}
            compare(path, theirs[1], ours[1], self.differences, ignore)
            self.pages(project, len(known))
            for partition in {app["partition_key"] for app in known.values()} - {None, ""}:
                if "/" not in partition:
                    self.partition(project, partition)
        self.newest_first(path, ours[1]["applications"])
        for app_id, app in sorted(mine.items()):
            partition = app["partition_key"] or "__none__"
            if "/" in partition:
                partition = "__none__"
            self.check(f"/api/v0/{quoted(project)}/{quoted(app_id)}/{quoted(partition)}/apps")
            self.runs += 1

    def newest_first(self, path, apps):
        """Only where all times are of one kind: naive ones need their run's offset."""
        times = [moment(app["last_written"]) for app in apps]
        if len({zoned for zoned, _ in times}) == 1 and times[0][0]:
            if times != sorted(times, reverse=True):
                self.differences.add(path + " (order)", sorted(times, reverse=True), times)

    def pages(self, project, total):
        for limit, offset in ((1, 0), (2, 1), (3, max(total - 3, 0)), (5, total), (0, 0)):
            path, theirs, ours = self.page(project, "__none__", limit, offset)
            if theirs[0] == ours[0] == 200:
                compare(path, theirs[1], ours[1], self.differences, {"applications"})
                compare(
                    path + " (count)",
                    len(theirs[1]["applications"]),
                    len(ours[1]["applications"]),
                    self.differences,
                )

    def partition(self, project, partition):
        path, theirs, ours = self.page(project, partition, 10000, 0)
        if theirs[0] != 200 or ours[0] != 200:
            compare_answers(path, theirs, ours, self.differences)
            return
        compare(path, theirs[1], ours[1], self.differences, {"applications"})
        compare(
            path,
            sorted(app["app_id"] for app in theirs[1]["applications"]),
            sorted(app["app_id"] for app in ours[1]["applications"]),
            self.differences,
        )

    def annotations(self, project, app_id):
        """Made, listed, filtered, changed and refused on both."""
        times = {"created", "updated"}
        base = f"/api/v0/{quoted(project)}"
        post = f"{base}/{quoted(app_id)}/some%20partition/3/annotations"
        pointer = {"type": "state_field", "field_name": "x", "span_id": None}
        observation = {
            "data_fields": {"note": "a\nb “c”", "ground_truth": {"deep": [1, 2.5, None]}},
            "thumbs_up_thumbs_down": True,
            "data_pointers": [pointer],
        }
        good = {
            "span_id": None, "step_name": "step", "tags": ["one", "two"], "observations": [observation],
        }  # fmt: skip
        self.check(f"{base}/annotations", times)
        self.check(post, times, "POST", good)
        self.check(post, times, "POST", {**good, "span_id": "3:0", "tags": []})
        self.check(post.replace("some%20partition", "__none__"), times, "POST", good)
        for change in (
            {"span_id": 1}, {"step_name": None}, {"tags": None}, {"tags": [1]}, {"observations": {}},
            {"observations": [1]}, {"observations": [{**observation, "data_fields": []}]},
            {"observations": [{**observation, "thumbs_up_thumbs_down": "perhaps"}]},
            {"observations": [{**observation, "data_pointers": [{**pointer, "type": "other"}]}]},
            {"observations": [{**observation, "data_pointers": [{**pointer, "field_name": 3}]}]},
        ):  # fmt: skip
            self.check(post, times, "POST", {**good, **change})
        for key in good:
            self.check(post, times, "POST", {k: v for k, v in good.items() if k != key})
        self.check(post, times, "POST", [good])
        self.check(post.replace("/3/", "/x/"), times, "POST", good)
        self.check(f"{base}/annotations", times)
        for query in (
            f"app_id={quoted(app_id)}", "app_id=none", "partition_key=some%20partition",
            "partition_key=__none__", "step_sequence_id=3", "step_sequence_id=4", "step_sequence_id=x",
        ):  # fmt: skip
            self.check(f"{base}/annotations?{query}", times)
        change = {"step_name": "other", "observations": []}
        theirs, ours = self.both(f"{base}/0/update_annotations", "PUT", change)
        if (theirs[0], ours[0]) != (200, 200) or ours[1]["step_name"] != "other":
            self.differences.add(f"PUT {base}/0/update_annotations", theirs, ours)
        self.check(f"{base}/annotations", times)
        self.check(f"{base}/77/update_annotations", times, "PUT", change)
        self.check(f"{base}/x/update_annotations", times, "PUT", change)
        self.check(f"{base}/0/update_annotations", times, "PUT", {"step_name": "x"})

    def run(self, write):
        self.small_answers()
        projects = self.projects()
        for project in projects:
            self.apps(project)
        if write and projects:
            _, _, ours = self.page(projects[0], "__none__", 1, 0)
            self.annotations(projects[0], ours[1]["applications"][0]["app_id"])
        found = self.differences.found
        for text in found:
            print(text)
        print(
            f"{len(projects)} projects, {self.runs} runs, {self.differences.compared} values compared: "
            f"{len(found)} differences; the reference failed {len(self.differences.reference_failed)} times"
        )
        for where in self.differences.reference_failed:
            print(f"    500 from the reference: {where}")
        return 1 if found else 0


def main(arguments):
    write = "--write" in arguments
    arguments = [a for a in arguments if a != "--write"]
    if len(arguments) != 3:
        print(__doc__)
        return 2
    return Comparison(*arguments).run(write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
