"""The referee: what was told about a round's calls, against what its logs hold.

Nothing here runs a process or waits: judge() takes texts and gives a Verdict, so that referee_test.py can plant every
kind of wrong. The lines that are told, and what a record looks like, are at the top of writer.c.

What can be known: call A was before call B if A's return was stamped before B's begin was. Records of one process are
held to that. Those of several processes are held to it from the moment that the later process took the application up
(made its handle, loaded it, or was forked), because that is where the library promises an order between processes.
"""

import bisect
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace

NEVER = float("inf")
KINDS = ("lost", "duplicated", "reordered", "damaged")


@dataclass
class Facts:
    """What the scenario arranged, and so what may be told. Sets of families: a process and the children it forked."""

    deleted: set = field(default_factory=set)  # applications whose folder was deleted meanwhile
    later: set = field(default_factory=set)  # may be told BURR_ELATER: they wait a bounded time, or their disk fails
    drops: set = field(default_factory=set)  # may be told BURR_EDROPPED: they wait a bounded time, and a time came
    broken: set = field(default_factory=set)  # closed the library's descriptors: at their end some may still wait
    failing: set = field(default_factory=set)  # their disk or descriptors fail: loads, making an application may


class Verdict:
    """Counts by kind, and a sentence for each."""

    def __init__(self):
        self.records = 0
        self.told = Counter()  # statuses of calls; "unknown": cut off by a kill
        self.counts = Counter()
        self.problems = []

    def add(self, kind, text):
        self.counts[kind] += 1
        self.problems.append(f"{kind}: {text}")

    def __bool__(self):
        return not self.problems


@dataclass
class Call:
    tag: str
    app: str
    kind: str
    seq: int
    size: int
    began: int
    ended: float = NEVER
    status: str = ""
    taken_up: int = 0  # when its process took the application up, the last time before this call

    @property
    def process(self):
        return self.tag.split(".")[0]

    @property
    def returned(self):
        """When it had returned as taken: what its process records after that stands behind it."""
        return self.ended if self.status in ("BURR_OK", "BURR_ELATER") else NEVER

    @property
    def returned_to_all(self):
        """The same for other processes, which do not see what one keeps in its memory."""
        return self.ended if self.status == "BURR_OK" and not is_foreign(self.process) else NEVER


@dataclass
class Load:
    began: int
    ended: int
    process: str
    app: str
    status: str
    seq: int
    tag: str
    length: int
    why: str = ""


@dataclass
class End:
    flushed: str
    closed: str
    dropped: int


def family(process):
    """A forked child is called like its parent, and one f more."""
    return process.rstrip("f")


def is_foreign(process):
    """Burr's own client: it writes into the log and knows nothing of us."""
    return process.startswith("foreign-")


def content(call):
    """The JSON that a record carries, as writer.c writes it."""
    return f'{{"tag":"{call.tag}","n":{call.seq},"fill":"{"x" * call.size}"}}'


class Told:
    """All that was told in a round."""

    def __init__(self, texts):
        self.calls = {}
        self.loads = []
        self.ends = {}
        take_ups = defaultdict(list)
        for text in texts:
            for line in text.splitlines():
                if line.endswith(" ."):  # else it was torn by a kill, which is as good as not told
                    self._read(line.split()[:-1], take_ups)
        for stamps in take_ups.values():
            stamps.sort()
        for call in self.calls.values():
            stamps = take_ups[call.process, call.app]
            at = bisect.bisect_right(stamps, call.began)
            call.taken_up = stamps[at - 1] if at else 0

    def _read(self, words, take_ups):
        what = words[0]
        if what == "B":
            call = Call(words[2], words[3], words[4], int(words[5]), int(words[6]), int(words[1]))
            self.calls[call.tag] = call
            if call.kind == "create":
                take_ups[call.process, call.app].append(call.began)
        elif what == "R":
            call = self.calls[words[2]]
            call.ended, call.status = int(words[1]), words[3]
        elif what == "L":
            found = (int(words[6]), words[7], int(words[8]), " ".join(words[9:]))
            load = Load(int(words[1]), int(words[2]), *words[3:6], *found)
            self.loads.append(load)
            take_ups[load.process, load.app].append(load.began)
        elif what == "U":
            take_ups[words[2], words[3]].append(int(words[1]))
        elif what == "E":
            self.ends[words[2]] = End(words[3], words[4], int(words[7]))
        else:
            raise ValueError(f"nobody tells {words}")

    def closed(self, process):
        """All that it had recorded was stored before its end, by its own account."""
        end = self.ends.get(process)
        return end is not None and end.flushed in ("BURR_OK", "BURR_EDROPPED") and end.closed != "BURR_ETIMEOUT"


def judge(told_texts, logs, facts):
    """told_texts: what each family told. logs: application -> bytes of its log."""
    verdict = Verdict()
    told = Told(told_texts)
    verdict.records = sum(1 for call in told.calls.values() if call.status and call.kind != "create")
    verdict.told = Counter(call.status.removeprefix("BURR_") or "unknown" for call in told.calls.values())
    verdict.told["loads"] = len(told.loads)
    found = {app: read_log(app, text, told, verdict) for app, text in sorted(logs.items())}
    facts = replace(facts, deleted=facts.deleted | never_made(told, found))
    check_identities(found, verdict)
    missing = check_presence(told, found, facts, verdict)
    for app in found:
        check_order(app, [call for call, _ in found[app]], facts, verdict)
    check_loads(told, found, facts, verdict)
    check_counts(told, missing, facts, verdict)
    return verdict


def never_made(told, found):
    """Applications whose making was in the memory of a process that went: what others record in them is refused."""
    makings = defaultdict(list)
    for call in told.calls.values():
        if call.kind == "create":
            makings[call.app].append(call)
    return {
        app
        for app, calls in makings.items()
        if app not in found
        and all(call.status != "BURR_OK" for call in calls)
        and any(call.status == "BURR_ELATER" and not told.closed(call.process) for call in calls)
    }


# ---- the logs


def read_log(app, text, told, verdict):
    """A list of (call, identity), in the log's order."""
    found = []
    lines = text.split(b"\n")
    if lines.pop() != b"":
        verdict.add("damaged", f"{app}: the log's last line has no end")
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            call, identity = told.calls[tag_of(record)], record.get("_rec")
        except (ValueError, KeyError, TypeError, AttributeError):
            verdict.add("damaged", f"{app}, line {number}: no record of ours: {line[:120]!r}")
            continue
        found.append((call, identity))
        if call.app != app or not is_whole(call, record):
            verdict.add("damaged", f"{app}, line {number}: not what was recorded as {call.tag}: {line[:120]!r}")
        if (identity is None) != is_foreign(call.process):
            verdict.add("damaged", f"{app}, line {number}: identity {identity} on a record of {call.process}")
    return found


CARRIERS = {"begin_entry": "inputs", "end_entry": "state", "attribute": "value"}
TYPES = {"begin": "begin_entry", "end": "end_entry", "span": "begin_span", "attribute": "attribute"}


def tag_of(record):
    if record["type"] == "begin_span":
        return record["span_name"]
    return record[CARRIERS[record["type"]]]["tag"]


def is_whole(call, record):
    seq = record.get("sequence_id", record.get("action_sequence_id"))
    if record["type"] != TYPES.get(call.kind) or seq != call.seq:
        return False
    return call.kind == "span" or record[CARRIERS[record["type"]]] == json.loads(content(call))


def check_identities(found, verdict):
    seen = Counter(identity for records in found.values() for _, identity in records if identity)
    for identity, count in seen.items():
        if count > 1:
            verdict.add("duplicated", f"{count} lines have the identity {identity}")


# ---- exactly once


def check_presence(told, found, facts, verdict):
    """The tags of returned records that no log holds."""
    counts = Counter(call.tag for records in found.values() for call, _ in records)
    missing = set()
    for call in told.calls.values():
        check_status(call, facts, verdict)
        count = counts[call.tag]
        if call.kind == "create" or (count == 0 and not call.status):
            continue
        if count == 0:
            missing.add(call.tag)
        if count > 1:
            verdict.add("duplicated", f"{call.app}: {call.tag} is there {count} times")
        if call.status == "BURR_EDROPPED" and count:
            verdict.add("lost", f"{call.app}: {call.tag} was counted as dropped and is there")
        if count == 0 and call.app not in facts.deleted and must_be_there(call, told):
            verdict.add("lost", f"{call.app}: {call.tag} ({call.kind} {call.seq}, {call.status}) is missing")
    return missing


def must_be_there(call, told):
    return call.status == "BURR_OK" or (call.status == "BURR_ELATER" and told.closed(call.process))


def check_status(call, facts, verdict):
    who = family(call.process)
    allowed = (
        call.status in ("", "BURR_OK")
        or (call.status == "BURR_ELATER" and who in facts.later)
        or (call.status == "BURR_EDROPPED" and who in facts.drops)
        or (call.status == "BURR_ENOTFOUND" and call.app in facts.deleted)
        or (call.status == "BURR_EIO" and (who in facts.broken or call.kind == "create" and who in facts.failing))
    )
    if not allowed:
        verdict.add("lost", f"{call.app}: {call.tag} ({call.kind} {call.seq}) was told {call.status}, for no reason")


# ---- in order


def check_order(app, calls, facts, verdict):
    """What stands behind a record must not have returned before that record was begun."""
    latest = {}  # process -> the latest begun so far
    latest_taken_up = [None, None]  # of two different processes, the latest taken up first
    for call in calls:
        before = latest.get(call.process)
        if before and call.returned < before.began:
            verdict.add("reordered", f"{app}: {call.tag} returned before {before.tag} began and stands behind it")
        elif call.app not in facts.deleted:
            other = next((c for c in latest_taken_up if c and c.process != call.process), None)
            if other and call.returned_to_all < other.taken_up:
                text = f"{app}: {call.tag} returned before {other.process} took it up and stands behind {other.tag}"
                verdict.add("reordered", text)
        if not before or call.began > before.began:
            latest[call.process] = call
        if not is_foreign(call.process):
            latest_taken_up = keep_latest(latest_taken_up, call)


def keep_latest(pair, call):
    """The latest taken up of each process, best two."""
    best = [c for c in pair if c and not (c.process == call.process and c.taken_up <= call.taken_up)]
    if any(c.process == call.process for c in best):
        return pair
    best.append(call)
    best.sort(key=lambda c: -c.taken_up)
    return (best + [None, None])[:2]


# ---- loading


class Returned:
    """One application's finished steps: of those that had returned by a moment, the latest begun and taken up."""

    def __init__(self, calls):
        self.ends = defaultdict(list)
        self.latest = defaultdict(list)
        for call in sorted(calls, key=lambda c: c.ended):
            began, taken_up = self.latest[call.process][-1] if self.latest[call.process] else (0, 0)
            self.ends[call.process].append(call.ended)
            self.latest[call.process].append((max(began, call.began), max(taken_up, call.taken_up)))

    def by(self, moment):
        """(process, latest begun, latest taken up) of all that had returned before it."""
        for process, ends in self.ends.items():
            at = bisect.bisect_left(ends, moment)
            if at:
                yield process, *self.latest[process][at - 1]


def check_loads(told, found, facts, verdict):
    steps = defaultdict(list)
    for call in told.calls.values():
        if call.kind == "end" and call.status == "BURR_OK":
            steps[call.app].append(call)
    returned = {app: Returned(calls) for app, calls in steps.items()}
    for load in told.loads:
        if load.app in facts.deleted or (load.status != "BURR_OK" and family(load.process) in facts.failing):
            continue
        wrong = wrong_load(load, told, list(returned[load.app].by(load.began)) if load.app in returned else [])
        if not wrong and load.process == "last":
            ends = [call.tag for call, _ in found.get(load.app, []) if call.kind == "end"]
            if (ends or ["-"])[-1] != load.tag:
                wrong = ("damaged", f"is not the log's last, {ends[-1]}")
        if wrong:
            kind, text = wrong
            verdict.add(kind, f"{load.app}: {load.process} loaded {load.tag} ({load.seq}, {load.status}): {text}")


def wrong_load(load, told, before):
    """(kind, why), or None. `before`: what had returned before the load began."""
    if load.status not in ("BURR_OK", "BURR_ENOTFOUND"):
        return "lost", f"loading failed: {load.why}"
    if load.status == "BURR_ENOTFOUND":
        return ("lost", f"a step of {before[0][0]} had returned") if before else None
    call = told.calls.get(load.tag)
    if not call or call.app != load.app or call.kind != "end" or call.began > load.ended:
        return "damaged", "nobody had recorded that"
    if call.seq != load.seq or load.length != len(content(call)):
        return "damaged", f"it is step {call.seq} with {len(content(call))} bytes of state"
    for process, began, taken_up in before:
        if call.returned < began if process == call.process else call.returned_to_all < taken_up:
            return "lost", f"{process} had recorded a later step"
    return None


# ---- counts


def check_counts(told, missing, facts, verdict):
    """What a process counted as dropped is what it was told, and what was refused later."""
    least = Counter()
    unsure = Counter()
    for call in told.calls.values():
        if call.status == "BURR_ENOTFOUND" and call.tag not in missing and call.kind != "create":
            continue  # it was taken, and somebody has made the run again before it came to be stored
        if call.status not in ("", "BURR_OK", "BURR_ELATER"):
            least[call.process] += 1
        elif call.app in facts.deleted and (call.tag in missing or call.kind == "create"):
            unsure[call.process] += 1
    for process, end in told.ends.items():
        if family(process) in facts.broken:
            continue
        if not told.closed(process) or (end.flushed == "BURR_EDROPPED") != (end.dropped > 0):
            verdict.add("lost", f"{process} ended with {end.flushed} and {end.closed}, {end.dropped} dropped")
        if not least[process] <= end.dropped <= least[process] + unsure[process]:
            verdict.add("lost", f"{process} counted {end.dropped} as dropped; it was told {least[process]}")
