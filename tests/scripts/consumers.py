"""Compares the records that the consumers of docs/consumers have handled with the log. Usage: consumers.py LOG SHELL PYTHON NODE PAGE."""
import json
import sqlite3
import sys

log_path, shell_path, database_path, node_path, page_path = sys.argv[1:6]
log = open(log_path, encoding="utf-8").read().splitlines(keepends=True)
assert [json.loads(line)["offset"] for line in log] == list(range(len(log))), "the log itself is not as expected"


def check(name, handled, log, exactly_once):
    """Checks that every record came at least once, in order except for steps back to earlier records, and nothing else."""
    at = 0
    for line in handled:
        if at == len(log) or line != log[at]:
            assert line in log[:at], f"{name}: after record {at - 1} comes {line!r}"
            at = log.index(line)
        at += 1
    assert at == len(log), f"{name}: {at} of {len(log)} records"
    repeats = len(handled) - len(log)
    assert repeats == 0 or not exactly_once, f"{name}: {repeats} repeats"
    print(f"{name}: {len(log)} records in order, {repeats} repeats")


def as_in_the_log(record):
    assert (record.pop("topic"), record.pop("partition")) == ("orders", 0), record
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"


shell = open(shell_path, encoding="utf-8").read().splitlines(keepends=True)
python = [line for (line,) in sqlite3.connect(database_path).execute("SELECT record FROM records ORDER BY rowid")]
node = open(node_path, encoding="utf-8").read().splitlines(keepends=True)
page = [as_in_the_log(record) for record in json.load(open(page_path, encoding="utf-8"))]
check("consumer.sh", shell, log, exactly_once=False)
check("consumer.py", python, log, exactly_once=True)
check("consumer.mjs", node, log, exactly_once=False)
check("page.html", page, log[-1000:], exactly_once=True)  # it keeps so many
