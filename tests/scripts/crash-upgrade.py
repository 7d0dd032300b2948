"""Upgrades a directory of a killed server from before the journal, under kills at any moment of the start.

Usage: crash-upgrade.py SERVER.dll DIRECTORY SEED KILLS OLD-SERVER.dll
"""
import pathlib
import random
import shutil
import subprocess
import sys
import time

from crashes import Faults, Load, Server, Topic, check_all, finish, median

dll, directory, seed = sys.argv[1:4]
kills, old_dll = int(sys.argv[4]), sys.argv[5]
kills_each = 5
ERRORS = "READ-ONLY|DAMAGED|could not be"
POLICIES = "always", "os", "100ms"
chance = random.Random(seed)
faults, acknowledged, found, kills_done, killed_starts = Faults(), 0, 0, 0, 0


def expect(holds, detail):
    if not holds:
        faults.add("changed", detail)


def refusal_of_old(data):
    """Starts the old server on an upgraded directory and returns its output. It must end by itself and change nothing."""
    before = {path: path.stat().st_size for path in data.rglob("*.ndjson")}
    old = Server(old_dll, directory, data)
    old.starts = 2000
    old.launch()
    try:
        status = old.process.wait(60)
    except subprocess.TimeoutExpired:
        expect(False, "the old server runs on the upgraded directory")
        old.end()
        return ""
    expect(status != 0, f"the old server ended with {status}")
    after = {path: path.stat().st_size for path in data.rglob("*.ndjson")}
    expect(after == before, "the old server changed segments")
    return old.log.read_text().strip().splitlines()[-1]


starts = []
refusal = ""
for number in range(-(-kills // kills_each)):
    data = pathlib.Path(directory, f"data-{number}")
    topics = [Topic(f"{policy}-{index}") for policy in POLICIES for index in range(7)]
    old = Server(old_dll, directory, data)
    old.starts = 1000
    server = Server(dll, directory, data)
    try:
        old.start()
        for topic in topics:
            old.create([topic.name], flush=topic.name.split("-")[0], segmentBytes=(65536, 1 << 20)[len(topic.name) % 2])
        load = Load(old, topics, f"{seed} {number}", depth=4, large=0.02)
        load.run_for(chance.uniform(0, 0.7), least=1000)
        old.end()
        load.join()
        acknowledged += load.acknowledged
        opens_after = 1.0
        for kill in range(min(kills_each, kills - kills_done)):
            kills_done += 1
            if kill % 2 == 0:
                # While it starts.
                server.launch()
                time.sleep(chance.uniform(0.2, 1.3) * opens_after)
                killed_starts += not server.says("Now listening")
            else:
                # While it appends first.
                server.start()
                expect(not server.says(ERRORS), f"kill {kills_done}: the server's log has errors")
                opens_after = server.start_seconds[-1]
                load = Load(server, topics, f"{seed} {number} {kill}", depth=4, large=0.02)
                load.run_for(chance.uniform(0, 0.2))
                server.end()
                load.join()
                acknowledged += load.acknowledged
            server.end()
        server.start()
        expect(not server.says(ERRORS), f"kill {kills_done}: the server's log has errors")
        found += check_all(server, topics, faults, whole=True)
        starts += server.start_seconds
        server.end()
        refusal = refusal_of_old(data)
        expect("format" in refusal, f"the old server said: {refusal}")
        if faults:
            break
        shutil.rmtree(data)
    finally:
        old.end()
        server.end()

print(f"{kills_done} kills of upgrades, {killed_starts} of them before it listened: "
      f"{acknowledged} records acknowledged, {found} found; start: median {median(starts):.2f} s")
print(f"The old server on an upgraded directory: {refusal}")
sys.exit(finish(faults))
