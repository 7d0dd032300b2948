"""Stops a file system under load without writing its log, as a power cut would, and checks the log after a mount.

A killed process leaves its writes in the page cache. This drops unsynced data, metadata too.
Usage: crash-power-cuts.py SERVER.dll DIRECTORY SEED CUTS ext4|xfs TOPICS
"""
import random
import sys
import time

from crashes import Faults, Load, LoopMount, Server, Topic, check_all, cut_power, finish, starts_line

dll, directory, seed = sys.argv[1:4]
cuts, kind, count = int(sys.argv[4]), sys.argv[5], int(sys.argv[6])
chance = random.Random(f"{seed} {kind} {count}")
mount = LoopMount(kind, directory, "disk")
server = Server(dll, directory, mount.path / "data")
topics = [Topic(f"t{number}", segment_bytes=(65536, 1 << 20)[number % 2]) for number in range(count)]
faults, acknowledged, found, torn = Faults(), 0, 0, 0


def mount_again():
    mount.unmount()
    mount.mount()


try:
    server.start()
    for topic in topics:
        server.create([topic.name], segmentBytes=topic.segment_bytes)
    for number in range(cuts):
        how = {"depth": chance.choice((1, 4, 16)), "large": chance.choice((0, 0.002, 0.02))}
        load = Load(server, topics, f"{seed} {number}", **how)
        load.run_for(chance.uniform(0, 0.7), least=chance.choice((1, 100, 1000)))
        cut_power(mount.path)
        server.end()
        load.join()
        mount_again()
        acknowledged += load.acknowledged
        if chance.random() < 0.3:
            # The next cut comes while the server starts.
            server.launch()
            time.sleep(chance.uniform(0.2, 1.2))
            cut_power(mount.path)
            server.end()
            mount_again()
        server.start()
        torn += server.says("were cut and kept")
        if server.says("READ-ONLY|DAMAGED|could not be"):
            faults.add("not served", f"cut {number + 1}: the server's log has errors")
        found += check_all(server, topics, faults)
        if faults:
            print(f"After cut {number + 1}:")
            sys.exit(finish(faults))
    check_all(server, topics, faults, whole=True)
finally:
    server.end()
    mount.unmount()

print(f"{kind}, {count} topics, {cuts} cuts under load: {acknowledged} records acknowledged, {found} found, "
      f"{torn} torn tails cut; {starts_line(server)}")
sys.exit(finish(faults))
