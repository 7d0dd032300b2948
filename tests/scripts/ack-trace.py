"""Reads an strace of the server (-f -ttt -T -y) and checks that no 201 left before a sync that covers its record.

    ack-trace.py TRACE RESPONSES [PATH]

The sync is an fdatasync of the record's file, or a syncfs of a file system. With PATH only a syncfs at PATH counts.
It must begin after the record's write and end before the response.
"""
import math
import re
import sys

UNFINISHED = re.compile(r"^(\d+) +([\d.]+) (\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*?)(?: <([\d.]+)>)?$")
WHOLE = re.compile(r"^(\d+) +([\d.]+) (\w+)\((.*) <([\d.]+)>$")
PATH = re.compile(r"^\d+<(.*?)>")
SEGMENT = re.compile(r"/([^/]+)/(\d+)/\d+\.ndjson$")
WRITTEN = re.compile(r'\{\\"offset\\":(\d+),')
RESPONSE = re.compile(r'HTTP/1\.1 201.*\{\\"topic\\":\\"([^"\\]+)\\",\\"partition\\":(\d+),\\"offset\\":(\d+),')


def calls(lines):
    """(name, text, began, ended) of every call, whether or not another thread's came in between."""
    pending = {}
    for line in lines:
        line = line.rstrip("\n")
        if match := UNFINISHED.match(line):
            thread, began, name, text = match.groups()
            pending[thread] = (name, text, float(began))
        elif match := RESUMED.match(line):
            thread, ended, _, text, _ = match.groups()
            name, before, began = pending.pop(thread)
            yield name, before + text, began, float(ended)
        elif match := WHOLE.match(line):
            _, began, name, text, took = match.groups()
            yield name, text, float(began), float(began) + float(took)
    # The client has its response before the call that sent it returns, and the trace may end in between.
    for name, text, began in pending.values():
        yield name, text, began, math.inf


volume = sys.argv[3] if len(sys.argv) > 3 else ""
written, file_syncs, volume_syncs, responses = {}, {}, [], []
for name, text, began, ended in calls(open(sys.argv[1], errors="replace")):
    path = match.group(1) if (match := PATH.match(text)) else ""
    segment = SEGMENT.search(path)
    partition = (segment.group(1), int(segment.group(2))) if segment else None
    if name.startswith("pwrite") and segment:
        for offset in WRITTEN.findall(text):
            written[partition, int(offset)] = (path, ended)
    elif name == "syncfs" and path.startswith(volume):
        volume_syncs.append((began, ended))
    elif name == "fdatasync" and segment:
        file_syncs.setdefault(path, []).append((began, ended))
    elif match := RESPONSE.search(text):
        topic, number, offset = match.groups()
        responses.append(((topic, int(number)), int(offset), began))


def is_covered(partition, offset, sent):
    if (partition, offset) not in written:
        return False
    path, written_at = written[partition, offset]
    return any(began >= written_at and ended <= sent for began, ended in volume_syncs + file_syncs.get(path, []))


early = [(partition, offset) for partition, offset, sent in responses if not is_covered(partition, offset, sent)]
sync_count = len(volume_syncs) + sum(map(len, file_syncs.values()))
print(f"{len(responses)} responses, {sync_count} syncs ({len(volume_syncs)} of a file system), "
      f"{len(responses) / max(1, sync_count):.1f} records a sync")
if len(responses) != int(sys.argv[2]):
    sys.exit(f"{sys.argv[2]} responses were expected")
if early:
    sys.exit(f"sent before a sync covered them: {early[:10]}")
print("every response left after the sync that covers its record")
