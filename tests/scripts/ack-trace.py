"""Reads an strace of the server (-f -ttt -T -y) and checks that no 201 left before a sync that covers its record.

    ack-trace.py TRACE RESPONSES [PATH]

The sync is an fdatasync of a journal file that the record was written to, an fdatasync of its segment, or a syncfs of
a file system. With PATH only a syncfs at PATH counts beside those. It must begin after the record's write and end
before the response. Each record's line must be there once.
"""
import math
import re
import sys

# strace leaves a call that it ends in as detached.
UNFINISHED = re.compile(r"^(\d+) +([\d.]+) (\w+)\((.*?) *<(?:unfinished|detached) \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*?)(?: <([\d.]+)>)?$")
WHOLE = re.compile(r"^(\d+) +([\d.]+) (\w+)\((.*) <([\d.]+)>$")
PATH = re.compile(r"^\d+<(.*?)>")
SEGMENT = re.compile(r"/([^/]+)/(\d+)/\d+\.ndjson$")
JOURNAL = re.compile(r"/journal/\d+\.journal$")
LINE = re.compile(r'\{\\"offset\\":(\d+),.*?\}\\n')
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
lines, written, journaled, file_syncs, volume_syncs, responses = {}, {}, {}, {}, [], []
for name, text, began, ended in calls(open(sys.argv[1], errors="replace")):
    path = match.group(1) if (match := PATH.match(text)) else ""
    segment = SEGMENT.search(path)
    is_journal = JOURNAL.search(path)
    if name.startswith("pwrite") and segment:
        for match in LINE.finditer(text):
            record = (segment.group(1), int(segment.group(2))), int(match.group(1))
            if lines.setdefault(match.group(), record) != record:
                sys.exit(f"two records have the same line: {match.group()}")
            written[record] = (path, ended)
    elif name.startswith("pwrite") and is_journal:
        for match in LINE.finditer(text):
            journaled[match.group()] = (path, ended)
    elif name == "syncfs" and path.startswith(volume):
        volume_syncs.append((began, ended))
    elif name == "fdatasync" and (segment or is_journal):
        file_syncs.setdefault(path, []).append((began, ended))
    elif match := RESPONSE.search(text):
        topic, number, offset = match.groups()
        responses.append((((topic, int(number)), int(offset)), began))
in_journal = {lines[line]: place for line, place in journaled.items() if line in lines}


def is_covered(record, sent):
    def is_synced(place, syncs):
        return any(began >= place[1] and ended <= sent for began, ended in syncs + file_syncs.get(place[0], []))

    return (record in written and is_synced(written[record], volume_syncs)) or (
        record in in_journal and is_synced(in_journal[record], []))


early = [record for record, sent in responses if not is_covered(record, sent)]
sync_count = len(volume_syncs) + sum(map(len, file_syncs.values()))
print(f"{len(responses)} responses, {sync_count} syncs ({len(volume_syncs)} of a file system), "
      f"{len(responses) / max(1, sync_count):.1f} records a sync")
if len(responses) != int(sys.argv[2]):
    sys.exit(f"{sys.argv[2]} responses were expected")
if early:
    sys.exit(f"sent before a sync covered them: {early[:10]}")
print("every response left after the sync that covers its record")
