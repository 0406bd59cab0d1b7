"""What happens in a round, drawn from a seed: who records, and what befalls whom at which moment.

A scenario is data: drive.py makes it happen, words() tells it to a person, facts() tells the referee what it allows. It
is a base (a few writers that record) and one to three themes, each of which adds its trouble. Every outage ends
within the round, so what is kept can be stored before a writer ends.
"""

import random
from dataclasses import dataclass, field

from referee import Facts

FOREVER = 2**32 - 1
RECORDS = 2500  # of a round, about: what fits into a second
FEW_BYTES = 1 << 20  # a queue that a round may fill
CLOSED_WAIT_MS = 100  # the policy of a writer that will have no descriptors


@dataclass
class Writer:
    name: str
    apps: list
    mode: str = "record"
    start_ms: int = 0
    orders: dict = field(default_factory=dict)  # writer.c's, beside apps
    partner: str = ""  # of a player: the other

    @property
    def is_bounded(self):
        return self.orders.get("wait_ms", 1000) != FOREVER

    def words(self):
        orders = " ".join(f"{key}={value}" for key, value in self.orders.items())
        wait = orders.replace(f"wait_ms={FOREVER}", "wait_ms=forever")
        apps = ",".join(self.apps[:3]) + (f",… ({len(self.apps)})" if len(self.apps) > 3 else "")
        return f"{self.name} ({self.mode}, from {self.start_ms} ms) on {apps}: {wait}"


@dataclass
class Event:
    at_ms: int
    whom: str  # a writer, "collector", "disk of writers", "disk of collector", "disk", or an application
    what: str
    detail: dict = field(default_factory=dict)

    @property
    def is_death(self):
        return self.detail.get("fate") in ("die", "tear")

    @property
    def is_failure(self):
        """Of a disk; a death is none, since the disk of those who live is whole."""
        return self.what in ("full", "failing", "fill", "nth") and not self.is_death

    def words(self):
        detail = "".join(f" {key}={value}" for key, value in self.detail.items())
        return f"at {self.at_ms} ms: {self.whom}: {self.what}{detail}"


@dataclass
class Scenario:
    seed: int
    span_ms: int = 0
    themes: list = field(default_factory=list)
    writers: list = field(default_factory=list)
    events: list = field(default_factory=list)
    foreign: list = field(default_factory=list)  # applications that Burr's own client writes to all the while
    checked: bool = False  # a process loads applications all the while
    shimmed: set = field(default_factory=set)  # "writers", "collector"
    tmpfs_kib: int = 0
    last_collector: str = "stop"  # how the collector ends that is there at the end
    lasting: bool = False  # what the disk has been told stays so until the writers have ended

    @property
    def apps(self):
        return sorted({app for writer in self.writers for app in writer.apps} | set(self.foreign))

    @property
    def collectors_die(self):
        return any(event.whom == "disk of collector" and event.is_death for event in self.events)

    def words(self):
        lines = [f"{', '.join(self.themes)}; {self.span_ms} ms"]
        if self.tmpfs_kib:
            lines.append(f"the store is a tmpfs of {self.tmpfs_kib} KiB")
        lines += [writer.words() for writer in self.writers]
        lines += [f"Burr's own client writes to {app}" for app in self.foreign]
        lines += ["a process loads all the while"] if self.checked else []
        lines += [event.words() for event in self.events]
        lines.append(f"a collector that is left: {self.last_collector}")
        return "\n".join("  " + line for line in lines)

    def facts(self):
        facts = Facts(deleted={event.whom for event in self.events if event.what == "delete"})
        failing = {event.whom for event in self.events if event.is_failure}
        names = {writer.name for writer in self.writers}
        bounded = {writer.name for writer in self.writers if writer.is_bounded}
        facts.broken = {writer.name for writer in self.writers if "closefrom_at" in writer.orders}
        # What cannot be torn, as an open, fails instead; a load may be what meets it.
        torn = {event.whom for event in self.events if event.detail.get("fate") == "tear"}
        facts.failing = facts.broken | (names if (failing | torn) & {"disk", "disk of writers"} else set())
        facts.later = bounded | (names if failing else set())
        outage = failing or any(event.what in ("pause", "delete") for event in self.events)
        small = {writer.name for writer in self.writers if writer.orders.get("queue_bytes", FEW_BYTES) < FEW_BYTES}
        facts.drops = (bounded if outage else bounded & small) | facts.broken  # a queue may be full without an outage
        return facts


def draw(seed, without=()):
    """The scenario of a seed. `without`: what this machine or build cannot have, of "shim", "tmpfs", "fork"."""
    rng = random.Random(seed)
    scenario = Scenario(seed, span_ms=rng.randint(150, 500))
    scenario.themes = sorted(rng.sample(sorted(THEMES), rng.choice((1, 1, 2, 2, 3))))
    draw_writers(rng, scenario)
    for theme in scenario.themes:
        THEMES[theme](rng, scenario)
    if scenario.tmpfs_kib or any(event.detail.get("fate") == "tear" for event in scenario.events):
        scenario.foreign.clear()  # Burr's own client tears its lines on a full disk, and appends to torn ones
    scenario.checked = rng.random() < 0.5
    scenario.last_collector = rng.choice(("stop", "kill"))
    leave_out(scenario, without)
    scenario.events.sort(key=lambda event: event.at_ms)
    return scenario


def leave_out(scenario, without):
    """The same scenario as far as it can be had."""
    if "fork" in without:
        for writer in scenario.writers:
            writer.orders.pop("fork_at", None)
    if "tmpfs" in without and scenario.tmpfs_kib:
        scenario.tmpfs_kib = 0
        scenario.events = [event for event in scenario.events if event.whom != "disk"]
    if "shim" in without:
        scenario.shimmed.clear()
        scenario.events = [event for event in scenario.events if not event.whom.startswith("disk of")]


# ---- who records


def draw_writers(rng, scenario):
    count = rng.choice((1, 1, 2, 2, 3, 4, 6, 8))
    threads = [rng.choice((1, 1, 1, 2, 4, 10, 40)) for _ in range(count)]
    sharing = rng.choice(("thread", "thread", "process", "all"))
    steps = max(3, RECORDS // (3 * sum(threads)))
    for i in range(count):
        apps = {"thread": [f"app-{i}-{t}" for t in range(threads[i])], "process": [f"app-{i}"], "all": ["app"]}
        orders = {"threads": threads[i], "steps": min(steps, 400)}
        orders["pace_us"] = scenario.span_ms * 1000 // orders["steps"]
        orders["size"] = rng.choice((0, 50, 500, 4000))
        orders["wait_ms"] = rng.choice((FOREVER, FOREVER, 1000, 50))
        orders["seed"] = rng.randint(1, 10**6)
        orders["end"] = rng.choice(("close", "close", "close", "exit", "_exit"))
        if rng.random() < 0.2:
            orders.update(big_every=max(10, orders["steps"] * threads[i] // 5), big_size=rng.choice((70000, 300000)))
        if rng.random() < 0.4:
            orders["load_every"] = 10
        scenario.writers.append(Writer(f"w{i}", apps[sharing], start_ms=rng.choice((0, 0, 20)), orders=orders))


def recorders(scenario):
    return [writer for writer in scenario.writers if writer.mode == "record"]


def add(scenario, at_ms, whom, what, **detail):
    scenario.events.append(Event(int(at_ms), whom, what, detail))


def moment(rng, scenario, first=0.0, last=1.0):
    return int(scenario.span_ms * rng.uniform(first, last))


def have_collector(rng, scenario):
    """One that lives through the round, where no theme has brought one."""
    if not any(event.whom == "collector" for event in scenario.events):
        add(scenario, rng.choice((0, 0, 50)), "collector", "start")


# ---- themes: each is what can happen to a store


def collector_comes_and_goes(rng, scenario):
    if any(event.whom == "collector" for event in scenario.events):
        return
    at, up = moment(rng, scenario, 0, 0.3), False
    for _ in range(rng.randint(2, 6)):
        if not up:
            add(scenario, at, "collector", rng.choice(("start", "start", "start two")))
            up = True
        else:
            what = rng.choice(("kill", "kill", "stop", "pause"))
            add(scenario, at, "collector", what)
            if what == "pause":
                at += rng.randint(1, 150)
                add(scenario, at, "collector", rng.choice(("continue", "continue", "kill")))
                what = scenario.events[-1].what
            up = what == "continue"
        at += rng.randint(1, 150)


def writers_are_killed(rng, scenario):
    for writer in rng.sample(recorders(scenario), rng.randint(1, len(recorders(scenario)))):
        if rng.random() < 0.4:
            writer.orders["kill_at"] = rng.randrange(writer.orders["steps"])
        else:
            add(scenario, moment(rng, scenario), writer.name, "kill")
        if rng.random() < 0.6:
            take_over(rng, scenario, writer)


def take_over(rng, scenario, writer):
    """Another process goes on with the applications of one that is killed, perhaps before that."""
    orders = dict(writer.orders, resume=1, seed=rng.randint(1, 10**6), steps=writer.orders["steps"] // 2 + 1)
    orders.pop("kill_at", None)
    orders.pop("closefrom_at", None)
    name = f"t{len(scenario.writers)}"
    scenario.writers.append(Writer(name, writer.apps, start_ms=moment(rng, scenario, 0.3, 1), orders=orders))


def writers_are_paused(rng, scenario):
    for writer in rng.sample(scenario.writers, rng.randint(1, len(scenario.writers))):
        at = moment(rng, scenario)
        add(scenario, at, writer.name, "pause")
        add(scenario, at + rng.randint(1, 200), writer.name, rng.choice(("continue", "continue", "kill")))


def writers_fork(rng, scenario):
    for writer in recorders(scenario):
        if rng.random() < 0.7:
            writer.orders["fork_at"] = rng.randrange(writer.orders["steps"])
            writer.orders["fork_end"] = rng.choice(("close", "exit", "_exit", "kill"))
            if rng.random() < 0.4:  # the child lives on
                writer.orders["kill_at"] = writer.orders["fork_at"] + rng.choice((0, 1, 5))
    if rng.random() < 0.5:
        have_collector(rng, scenario)


def host_closes_descriptors(rng, scenario):
    writer = rng.choice(recorders(scenario))
    writer.orders.update(
        closefrom_at=rng.randrange(writer.orders["steps"]),
        wait_ms=CLOSED_WAIT_MS,
        flush_ms=300,
        end=rng.choice(("_exit", "kill", "close")),
    )
    if rng.random() < 0.5:
        have_collector(rng, scenario)


def a_thread_hardly_runs(rng, scenario):
    writer = rng.choice(recorders(scenario))
    threads = writer.orders["threads"]
    steps = min(40, writer.orders["steps"])
    writer.orders.update(idle=1, spin_ms=scenario.span_ms, threads=max(2, threads), steps=steps)
    if rng.random() < 0.5:
        have_collector(rng, scenario)


FAILING_CALLS = ("any", "write", "write", "write", "sync", "open", "link", "map", "truncate", "allocate")


def disk_fails(rng, scenario):
    target = rng.choice(("writers", "writers", "collector", "both"))
    targets = ["writers", "collector"] if target == "both" else [target]
    scenario.shimmed.update(targets)
    if "collector" in targets:
        have_collector(rng, scenario)
    for which in targets:
        at = moment(rng, scenario, 0, 0.6)
        what = rng.choice(("full", "failing", "nth", "nth"))
        if what == "nth":
            for _ in range(rng.randint(1, 12)):
                fate = rng.choice(("ENOSPC", "EIO", "short", "cut", "cut"))
                draw_nth(rng, scenario, at, which, rng.choice(FAILING_CALLS), fate)
                at += rng.randint(0, 40)
        else:
            add(scenario, at, f"disk of {which}", what)
            add(scenario, at + rng.randint(5, 250), f"disk of {which}", "whole")


def draw_nth(rng, scenario, at, which, only, fate):
    """The n-th such call from then on, on a file with such a path, meets its fate."""
    part = rng.choice(("", "log.jsonl", "log.jsonl", ".burr-spool", "json"))
    add(scenario, at, f"disk of {which}", "nth", n=rng.choice((1, 1, 2, 3, 7, 20)), only=only, part=part, fate=fate)


def a_call_kills(rng, scenario):
    """A process dies within a call on the store: between what it did and what it says about it."""
    target = rng.choice(("writers", "collector", "collector"))
    scenario.shimmed.add(target)
    at = moment(rng, scenario, 0, 0.3)
    for _ in range(rng.randint(1, 5)):
        if target == "collector":
            add(scenario, at, "collector", "start")  # the last one is dead, or it stays and this one goes
            at += rng.randint(30, 80)
        only = rng.choice(("write", "write", "write", "any", "open", "link", "truncate"))
        draw_nth(rng, scenario, at, target, only, rng.choice(("die", "die", "tear")))
        at += rng.randint(5, 100)


def small_disk_fills(rng, scenario):
    """Small, yet with room for all that is kept in the end: logs, the catalog, and what waits."""
    scenario.tmpfs_kib = rng.choice((24, 96)) << 10
    if rng.random() < 0.5:
        have_collector(rng, scenario)
    for writer in scenario.writers:  # what is kept has to fit
        writer.orders["size"] = min(writer.orders.get("size", 0), 100)
        writer.orders.pop("big_every", None)
    at = moment(rng, scenario, 0, 0.6)
    add(scenario, at, "disk", "fill")
    add(scenario, at + rng.randint(5, 300), "disk", "empty")


def policy_drops(rng, scenario):
    """A short wait and a small queue, in an outage of whatever kind."""
    for writer in recorders(scenario):
        writer.orders.update(wait_ms=rng.choice((0, 0, 20)), queue_bytes=rng.choice((4096, 65536)), size=2000)
    at = moment(rng, scenario, 0.1, 0.5)
    until = at + rng.randint(50, 300)
    if rng.random() < 0.5:
        have_collector(rng, scenario)
        add(scenario, at, "collector", "pause")
        add(scenario, until, "collector", rng.choice(("continue", "kill")))
    else:
        scenario.shimmed.add("writers")
        add(scenario, at, "disk of writers", rng.choice(("full", "failing")))
        add(scenario, until, "disk of writers", "whole")


def runs_are_deleted(rng, scenario):
    apps = sorted({app for writer in scenario.writers for app in writer.apps})
    for app in rng.sample(apps, rng.randint(1, min(3, len(apps)))):
        add(scenario, moment(rng, scenario, 0.1, 1), app, "delete")
    if rng.random() < 0.5:
        have_collector(rng, scenario)


def burr_writes_too(rng, scenario):
    apps = sorted({app for writer in scenario.writers for app in writer.apps})
    deleted = {event.whom for event in scenario.events if event.what == "delete"}
    scenario.foreign = [app for app in rng.sample(apps, min(3, len(apps))) if app not in deleted]
    if rng.random() < 0.5:
        have_collector(rng, scenario)


def clock_jumps(rng, scenario):
    scenario.shimmed.add("writers")
    if rng.random() < 0.5:
        have_collector(rng, scenario)
        scenario.shimmed.add("collector")
    for _ in range(rng.randint(1, 3)):
        for which in sorted(scenario.shimmed):
            ms = rng.choice((-3600000, -500, 60000))
            add(scenario, moment(rng, scenario), f"disk of {which}", "clock", ms=ms)


def app_is_handed_over(rng, scenario):
    app = "handed"
    turns = rng.randint(20, 120)
    orders = {"turns": turns, "pace_us": rng.choice((0, 500)), "wait_ms": FOREVER, "size": rng.choice((0, 3000))}
    for i, name in enumerate(("h0", "h1")):
        more = {"first": 1 - i, "seed": rng.randint(1, 10**6)}
        scenario.writers.append(Writer(name, [app], mode="hand", orders=dict(orders, **more), partner=f"h{1 - i}"))
    trouble = rng.choice(("none", "kill", "pause", "collector"))
    whom = rng.choice(("h0", "h1"))
    if trouble == "collector":
        collector_comes_and_goes(rng, scenario)
    elif trouble == "kill":
        add(scenario, moment(rng, scenario, 0, 0.5), whom, "kill")
    elif trouble == "pause":
        at = moment(rng, scenario, 0, 0.5)
        add(scenario, at, whom, "pause")
        add(scenario, at + rng.randint(1, 100), whom, "continue")


THEMES = {
    "collector comes and goes": collector_comes_and_goes,
    "writers are killed": writers_are_killed,
    "writers are paused": writers_are_paused,
    "writers fork": writers_fork,
    "host closes descriptors": host_closes_descriptors,
    "a thread hardly runs": a_thread_hardly_runs,
    "disk fails": disk_fails,
    "a call kills": a_call_kills,
    "small disk fills": small_disk_fills,
    "policy drops": policy_drops,
    "runs are deleted": runs_are_deleted,
    "Burr writes too": burr_writes_too,
    "clock jumps": clock_jumps,
    "app is handed over": app_is_handed_over,
}


def short_run(n, fate):
    """One writer, whose n-th call on the disk meets its fate."""
    scenario = Scenario(seed=n, themes=["disk fails"], shimmed={"writers"}, lasting=True)
    orders = {"steps": 6, "big_every": 3, "big_size": 70000, "size": 200, "load_every": 2, "seed": 7}
    orders["wait_ms"] = FOREVER
    scenario.writers.append(Writer("w0", ["app"], start_ms=1, orders=orders))
    add(scenario, 0, "disk of writers", "nth", n=n, only="any", part="", fate=fate)
    return scenario


def handing(turns, collector):
    """Two players, so many turns each, and nothing else happens."""
    scenario = Scenario(seed=0, themes=["app is handed over"])
    for i in (0, 1):
        orders = {"turns": turns, "first": 1 - i, "wait_ms": FOREVER, "seed": i + 1}
        scenario.writers.append(Writer(f"h{i}", ["handed"], mode="hand", orders=orders, partner=f"h{1 - i}"))
    if collector:
        add(scenario, 0, "collector", "start")
    return scenario
