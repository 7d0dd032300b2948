"""Reads an strace of the server (-f -ttt -T): for each 201 sent, the record's write and a sync that began after it must have ended before."""
import re
import sys

UNFINISHED = re.compile(r"^(\d+) +([\d.]+) (\w+)\((.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*?)(?: <([\d.]+)>)?$")
WHOLE = re.compile(r"^(\d+) +([\d.]+) (\w+)\((.*) <([\d.]+)>$")
WRITTEN = re.compile(r'\{\\"offset\\":(\d+),')
ANSWERED = re.compile(r'HTTP/1\.1 201.*\\"offset\\":(\d+),')


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


written, syncs, answers = {}, [], []
for name, text, began, ended in calls(open(sys.argv[1], errors="replace")):
    if name.startswith("pwrite") and ".ndjson" in text:
        for offset in WRITTEN.findall(text):
            written[int(offset)] = ended
    elif name == "syncfs" or (name == "fdatasync" and ".ndjson" in text):
        syncs.append((began, ended))
    elif match := ANSWERED.search(text):
        answers.append((int(match.group(1)), began))

early = [offset for offset, sent in answers
         if offset not in written or not any(began >= written[offset] and ended <= sent for began, ended in syncs)]
print(f"{len(answers)} answers, {len(syncs)} syncs, {len(answers) / max(1, len(syncs)):.1f} records a sync")
if len(answers) != int(sys.argv[2]):
    sys.exit(f"{sys.argv[2]} answers were expected")
if early:
    sys.exit(f"answered before a sync covered them: offsets {early[:10]}")
print("every answer left after the sync that covers it")
