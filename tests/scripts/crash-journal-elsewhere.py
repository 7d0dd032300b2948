"""journal/ as a file system of its own, under kills and power cuts. And a data directory that was copied without it.

Usage: crash-journal-elsewhere.py SERVER.dll DIRECTORY SEED ROUNDS
"""
import hashlib
import pathlib
import random
import re
import shutil
import signal
import sys

from crashes import Faults, Load, LoopMount, Server, Topic, check_all, cut_power, finish, segments, starts_line

dll, directory, seed = sys.argv[1:4]
rounds = int(sys.argv[4])
chance = random.Random(seed)
faults, acknowledged, found = Faults(), 0, 0
home, journal = LoopMount("ext4", directory, "home"), LoopMount("xfs", directory, "journal", "400M")
data = home.path / "data"
topics = [Topic(f"t{number}") for number in range(20)]
server = Server(dll, directory, data)


def expect(holds, detail):
    if not holds:
        faults.add("changed", detail)


def bind():
    (data / "journal").mkdir(parents=True, exist_ok=True)
    journal.move(data / "journal")


def digests(of):
    paths = [path for topic in topics for path in segments(of, topic.name)]
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in paths}


def load_and_end(how, is_cut=False):
    global acknowledged
    load = Load(server, topics, f"{seed} {server.starts}", depth=4, large=0.01)
    load.run_for(chance.uniform(0, 0.5), least=200)
    if how == signal.SIGTERM:
        load.stop()
    if is_cut:
        for mount in chance.sample([home, journal], 2):
            cut_power(mount.path)
    server.end(how)
    load.join()
    acknowledged += load.acknowledged


def check_without_journal(of, what):
    """Starts without the journal after a crash: one clear line, each topic read-only, all served, nothing cut."""
    other = Server(dll, directory, of)
    other.starts = 1000
    before, torn = digests(of), set(pathlib.Path(of).rglob("*.torn"))
    for _ in range(2):
        other.start()
        line = re.findall(r".*journal is DAMAGED or missing.*", other.log.read_text())
        expect(len(line) == 1, f"{what}: {len(line)} lines say that the journal is missing")
        read_only = 0
        for topic in topics:
            status, body, _ = other.ask("POST", f"/topics/{topic.name}?partition=0", "1", range(100, 600))
            read_only += status == 503 and b"read-only" in body
        expect(read_only == len(topics), f"{what}: {read_only} of {len(topics)} topics are read-only")
        for topic in topics:
            content = b"".join(path.read_bytes() for path in segments(of, topic.name))
            served = other.read(topic.name, 0)
            expect(content.startswith(served) and len(served) >= topic.checked_bytes,
                   f"{what}: {topic.name} serves {len(served)} of {len(content)} bytes")
        other.end()
        expect(digests(of) == before, f"{what}: a segment was changed")
        expect(set(pathlib.Path(of).rglob("*.torn")) == torn, f"{what}: something was cut")
    return line


try:
    bind()
    server.start()
    server.create([topic.name for topic in topics], segmentBytes=1 << 20)
    for number in range(rounds):
        is_cut = number % 2 == 1
        load_and_end(signal.SIGKILL, is_cut)
        if is_cut:
            journal.unmount()
            home.unmount()
            home.mount()
            journal.mount()
        server.start()
        expect(not server.says("READ-ONLY|DAMAGED"), f"round {number + 1}: the server's log has errors")
        found += check_all(server, topics, faults)
        if faults:
            sys.exit(finish(faults))
    print(f"journal/ on XFS, topics on ext4, {rounds} crashes, {rounds // 2} of them power cuts of both; "
          f"{starts_line(server)}", flush=True)

    load_and_end(signal.SIGKILL)
    copy = pathlib.Path(directory, "copy")
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("journal", "loghttp.lock"))
    line = check_without_journal(copy, "copied after a kill")
    # The same without a copy: the journal's file system is not mounted at the start, and is at the next one.
    journal.unmount()
    check_without_journal(data, "journal/ not mounted after a kill")
    shutil.rmtree(data / "journal")
    bind()
    server.start()
    expect(not server.says("READ-ONLY|DAMAGED"), "mounted again: the server's log has errors")
    found += check_all(server, topics, faults)
    load_and_end(signal.SIGTERM)
    shutil.rmtree(copy)
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("journal", "loghttp.lock"))
    server.data = copy
    server.start()
    expect(not server.says("READ-ONLY|DAMAGED"), "copied after a clean stop: the server's log has errors")
    found += check_all(server, topics, faults, whole=True)
    load_and_end(signal.SIGKILL)
    server.start()
    found += check_all(server, topics, faults, whole=True)
    print("copied without journal/: after a kill read-only and uncut, after a clean stop writable")
    print(*line[:1])
finally:
    server.end()
    journal.unmount()
    home.unmount()

print(f"{acknowledged} records acknowledged, {found} found")
sys.exit(finish(faults))
