"""Kills a server with SIGKILL under load, again and again, and checks its log after each restart.

Usage: crash-kills.py SERVER.dll DIRECTORY SEED KILLS TOPICS
"""
import random
import sys

from crashes import Faults, Load, Server, Topic, check_all, finish, starts_line

dll, directory, seed = sys.argv[1:4]
kills, count = int(sys.argv[4]), int(sys.argv[5])
chance = random.Random(f"{seed} {count}")
server = Server(dll, directory, f"{directory}/data", MaxTopics=count + 10, MaxPartitions=count + 10)
topics = [Topic(f"t{number}") for number in range(count)]
faults, acknowledged, found = Faults(), 0, 0
try:
    server.start()
    for number, topic in enumerate(topics):
        topic.segment_bytes = (65536, 1 << 20, 8 << 20)[number % 3] if count > 1 else 1 << 20
    for size in {topic.segment_bytes for topic in topics}:
        server.create((topic.name for topic in topics if topic.segment_bytes == size), segmentBytes=size)
    for kill in range(kills):
        how = {"depth": chance.choice((1, 4, 16)), "large": chance.choice((0, 0.002, 0.02))}
        load = Load(server, topics, f"{seed} {kill}", **how)
        load.run_for(chance.uniform(0, 0.7), least=chance.choice((1, 100, 1000)))
        server.end()
        load.join()
        assert not load.refused, f"Refused: {load.refused}"
        acknowledged += load.acknowledged
        server.start()
        if server.says("READ-ONLY|DAMAGED|could not be"):
            faults.add("not served", f"kill {kill + 1}: the server's log has errors")
        found += check_all(server, topics, faults)
        if faults:
            print(f"After kill {kill + 1}:")
            sys.exit(finish(faults))
    check_all(server, topics, faults, whole=True)
finally:
    server.end()

print(f"{count} topics, {kills} kills: {acknowledged} records acknowledged, {found} found; {starts_line(server)}")
sys.exit(finish(faults))
