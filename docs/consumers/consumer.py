#!/usr/bin/env python3
"""Copies every record of a partition, and those to come, into TOPIC-PARTITION.sqlite, each exactly once.

Waits for a topic that does not exist yet.
Usage: consumer.py SERVER TOPIC PARTITION
"""
import http.client
import json
import sqlite3
import sys
import time
import urllib.error
import urllib.request

server, topic, partition = sys.argv[1:]
database = sqlite3.connect(f"{topic}-{partition}.sqlite")
database.executescript("""
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS records (offset INTEGER NOT NULL, record TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS place (path TEXT NOT NULL)""")
first = f"/topics/{topic}/earliest?partition={partition}&follow=true"
pause = 1

while True:
    (path,) = database.execute("SELECT path FROM place").fetchone() or (first,)
    try:
        with urllib.request.urlopen(server + path, timeout=60) as lines:
            pause = 1
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # cut off in the middle: it comes again
                if line == b"\n":
                    continue  # a heartbeat
                offset = json.loads(line)["offset"]
                next_path = f"/topics/{topic}/{offset + 1}?partition={partition}&follow=true&v={lines.headers['Log-Topic-Id']}"
                with database:  # one transaction: the record and the place behind it
                    database.execute("INSERT INTO records VALUES (?, ?)", (offset, line.decode()))
                    database.execute("REPLACE INTO place (rowid, path) VALUES (1, ?)", (next_path,))
    except urllib.error.HTTPError as error:
        if error.code == 404 and path == first:
            if pause == 1:
                print(f"{topic}/{partition} does not exist yet", file=sys.stderr, flush=True)
        elif error.code < 500 and error.code != 429:
            sys.exit(error.read().decode())  # asking again will not help: see what to do about 410
        retry_after = error.headers.get("Retry-After", "")
        pause = int(retry_after) if retry_after.isdigit() else pause
    except (OSError, http.client.HTTPException):
        pass  # broken off, or the server stops
    time.sleep(pause)
    pause = min(2 * pause, 10)
