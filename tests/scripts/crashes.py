"""The crash scripts share this: a server that is killed, writers that note acknowledged records, the check of a log.

A record's value names its writer, the number of its batch among the writer's to that topic, and its place in the batch.
A batch is one request. So a log can be compared with what its writers know, record by record.
"""
import dataclasses
import fcntl
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import statistics
import struct
import subprocess
import threading
import time
import urllib.parse
import zlib

RECORD = re.compile(rb'\{"offset":(\d+),.*?"value":\{"w":(\d+),"n":(\d+),"c":(\d+),"i":(\d+),"p":"\w*"\}\}')

FS_IOC_SHUTDOWN = 0x8004587D  # of ext4 and XFS alike


class Server:
    """A server process with a data directory; each start has a log of its own."""

    def __init__(self, dll, directory, data, **settings):
        self.dll, self.directory, self.data = dll, pathlib.Path(directory), pathlib.Path(data)
        self.settings = settings
        self.process, self.log, self.port = None, None, 0
        self.starts, self.start_seconds, self.opened_ms = 0, [], []

    def launch(self):
        """Starts the process and does not wait until it listens."""
        self.starts += 1
        self.log = self.directory / f"server-{self.starts}.log"
        (self.directory / f"server-{self.starts - 20}.log").unlink(missing_ok=True)
        environment = os.environ | {"LogHttp__DataDirectory": str(self.data)}
        environment |= {f"LogHttp__{name}": str(value) for name, value in self.settings.items()}
        with self.log.open("w") as log:
            command = ["dotnet", self.dll, "--urls", "http://127.0.0.1:0"]
            self.process = subprocess.Popen(command, cwd=self.directory, env=environment, stdout=log, stderr=log)

    def start(self):
        began = time.monotonic()
        self.launch()
        listens = "Now listening on: http://127.0.0.1:"
        while listens not in (text := self.log.read_text()):
            if self.process.poll() is not None:
                raise AssertionError(f"The server did not start:\n{text}")
            if time.monotonic() > began + 300:
                raise AssertionError("The server did not start in 300 s.")
            time.sleep(0.01)
        self.start_seconds.append(time.monotonic() - began)
        self.port = int(text.split(listens)[1].split()[0])
        self.opened_ms.append(int(re.search(r"partitions opened in (\d+) ms", text)[1]))

    def says(self, pattern):
        return len(re.findall(pattern, self.log.read_text()))

    def end(self, how=signal.SIGKILL):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def ask(self, method, path, body=None, expected=range(200, 300), headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            body = response.read()
            assert response.status in expected, f"{method} {path}: {response.status} {body.decode()}"
            return response.status, body, response.headers
        finally:
            connection.close()

    def create(self, topics, **configuration):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        for topic in topics:
            connection.request("PUT", f"/topics/{topic}", json.dumps({"flush": "always"} | configuration))
            response = connection.getresponse()
            answer = response.read()
            assert response.status == 201, answer
        connection.close()

    def read(self, topic, offset):
        """Reads partition 0 from an offset on, as its segments hold it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        pieces, path = [], f"/topics/{topic}/{offset}?partition=0"
        while True:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status == 204:
                connection.close()
                return b"".join(pieces)
            assert response.status == 200, f"GET {path}: {response.status} {body.decode()}"
            pieces.append(body)
            link = response.headers["Link"]
            path = urllib.parse.urljoin(path, link[1 : link.index(">")])


@dataclasses.dataclass
class Topic:
    """The known state of a topic's only partition."""
    name: str
    segment_bytes: int = 1 << 20
    sent: dict = dataclasses.field(default_factory=dict)  # (writer, number): records, since the last check
    acknowledged: dict = dataclasses.field(default_factory=dict)  # (writer, number): offset, since the last check
    numbers: dict = dataclasses.field(default_factory=dict)  # writer: number of its next batch
    last: dict = dataclasses.field(default_factory=dict)  # writer: number of its last batch in the log
    checked_bytes: int = 0
    checked_crc: int = 0
    next_offset: int = 0


class Writer(threading.Thread):
    """Sends batches on one connection, `depth` requests at a time, until the server is gone or it is told to stop."""

    def __init__(self, id, server, topics, seed, depth=8, large=0.01):
        super().__init__(daemon=True)
        self.id, self.server, self.topics, self.depth, self.large = id, server, topics, depth, large
        self.random = random.Random(f"{seed} {id}")
        self.padding = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=60_000))
        self.is_stopped, self.acknowledged, self.refused, self.failure = False, 0, {}, None

    def run(self):
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                answers = connection.makefile("rb")
                while not self.is_stopped:
                    batches = [self.next_batch() for _ in range(self.depth)]
                    connection.sendall(b"".join(request for _, _, request in batches))
                    for topic, key, _ in batches:
                        self.receive(answers, topic, key)
        except OSError:
            pass  # The server is gone: nobody knows what became of the rest.
        except BaseException as failure:  # of any kind: the main thread says it
            self.failure = failure

    def next_batch(self):
        topic = self.random.choice(self.topics)
        number = topic.numbers.get(self.id, 0)
        topic.numbers[self.id] = number + 1
        chance = self.random.random()
        # Large batches are synced in their segment and not written to the journal.
        is_large = chance < self.large
        count = self.random.randint(6, 12) if is_large else self.random.randint(2, 20) if chance < 0.2 else 1
        lines = []
        for index in range(count):
            padding = self.padding[: 60_000 if is_large else self.random.randrange(300)]
            lines.append('{"w":%d,"n":%d,"c":%d,"i":%d,"p":"%s"}\n' % (self.id, number, count, index, padding))
        body = "".join(lines).encode()
        topic.sent[self.id, number] = count
        head = (f"POST /topics/{topic.name}?partition=0 HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Type: application/x-ndjson\r\nContent-Length: {len(body)}\r\n\r\n")
        return topic, (self.id, number), head.encode() + body

    def receive(self, answers, topic, key):
        line = answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError
        status, length = int(line.split()[1]), None
        while (line := answers.readline()) != b"\r\n":
            if not line:
                raise ConnectionError
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = answers.read(length)
        if len(body) < length:
            raise ConnectionError
        if status == 201:
            topic.acknowledged[key] = json.loads(body)["offset"]
            self.acknowledged += topic.sent[key]
        else:
            code = json.loads(body).get("code")
            self.refused[status, code] = self.refused.get((status, code), 0) + 1
            raise ConnectionError


class Faults:
    def __init__(self):
        self.counts = dict.fromkeys(("lost", "doubled", "out of order", "not whole", "changed", "not served"), 0)
        self.details = []

    def add(self, kind, detail):
        self.counts[kind] += 1
        if len(self.details) < 30:
            self.details.append(f"{kind}: {detail}")

    def __bool__(self):
        return any(self.counts.values())

    def __str__(self):
        return ", ".join(f"{count} {kind}" for kind, count in self.counts.items())


def segments(data, topic):
    directory = pathlib.Path(data, "topics", topic, "0")
    return sorted(directory.glob("*.ndjson"))


def check(server, topic, faults, whole=False):
    """Compares the log with the writers' knowledge, then counts its records as known. Returns the new records."""
    content = b"".join(path.read_bytes() for path in segments(server.data, topic.name))
    if len(content) < topic.checked_bytes or zlib.crc32(content[: topic.checked_bytes]) != topic.checked_crc:
        faults.add("changed", f"{topic.name}: the first {topic.checked_bytes} of {len(content)} bytes are others now")
    new = content[topic.checked_bytes :]
    if server.read(topic.name, 0 if whole else topic.next_offset) != (content if whole else new):
        faults.add("not served", f"{topic.name} from offset {topic.next_offset}: other bytes than the segments have")
    found, records, part = {}, 0, None
    for line in new.splitlines():
        match = RECORD.fullmatch(line)
        if match is None:
            faults.add("changed", f"{topic.name}: {line[:100]}")
            continue
        records += 1
        offset, writer, number, count, index = map(int, match.groups())
        key = writer, number
        if offset != topic.next_offset:
            faults.add("lost", f"{topic.name}: offset {offset} follows {topic.next_offset - 1}")
        topic.next_offset = offset + 1
        if part is not None and part != (key, index):
            faults.add("not whole", f"{topic.name}: {key}, {index} where {part} should be")
        if index == 0:
            if key in found or number <= topic.last.get(writer, -1):
                kind = "doubled" if key in found else "out of order"
                faults.add(kind, f"{topic.name}: {key} at {offset}, the last one is {topic.last.get(writer)}")
            if topic.sent.get(key) != count:
                faults.add("changed", f"{topic.name}: {key} at {offset} was not sent")
            found[key] = offset
            topic.last[writer] = number
        elif part is None:
            faults.add("not whole", f"{topic.name}: {key} begins with record {index}")
        part = (key, index + 1) if index + 1 < count else None
    if part is not None:
        faults.add("not whole", f"{topic.name}: it ends before {part}")
    for key, offset in topic.acknowledged.items():
        if found.get(key) != offset:
            faults.add("lost", f"{topic.name}: {key} was acknowledged at {offset} and is at {found.get(key)}")
    topic.checked_bytes, topic.checked_crc = len(content), zlib.crc32(new, topic.checked_crc)
    topic.sent, topic.acknowledged = {}, {}
    return records


def check_all(server, topics, faults, whole=False):
    return sum(check(server, topic, faults, whole) for topic in topics if whole or topic.sent)


class Load:
    """Writers that run until the caller ends the server, or stops them."""

    def __init__(self, server, topics, seed, writers=8, **how):
        # A writer's numbers continue in the next load, because its id is the same.
        self.writers = [Writer(id, server, topics, seed, **how) for id in range(writers)]
        for writer in self.writers:
            writer.start()

    @property
    def acknowledged(self):
        return sum(writer.acknowledged for writer in self.writers)

    @property
    def refused(self):
        refused = {}
        for writer in self.writers:
            for what, count in writer.refused.items():
                refused[what] = refused.get(what, 0) + count
        return refused

    def run_for(self, seconds, least=1):
        """Lets them write for that long after the first `least` acknowledged records."""
        deadline = time.monotonic() + 60
        while self.acknowledged < least:
            self.raise_failures()
            assert time.monotonic() < deadline, f"{self.acknowledged} records in 60 s; refused: {self.refused}"
            time.sleep(0.002)
        time.sleep(seconds)

    def stop(self):
        for writer in self.writers:
            writer.is_stopped = True
        self.join()

    def join(self):
        for writer in self.writers:
            writer.join()
        self.raise_failures()

    def raise_failures(self):
        for writer in self.writers:
            if writer.failure is not None:
                raise writer.failure


def run(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


class LoopMount:
    """A new file system in an image, mounted at a directory."""

    def __init__(self, kind, directory, name, size="1G"):
        self.kind, self.image, self.path = kind, pathlib.Path(directory, f"{name}.image"), pathlib.Path(directory, name)
        run("truncate", "-s", size, self.image)
        run(f"mkfs.{kind}", "-q", self.image)
        self.path.mkdir(exist_ok=True)
        self.is_mounted = False
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", self.image, self.path)
        self.is_mounted = True

    def move(self, path):
        """Mounts it somewhere else, from now on."""
        self.unmount()
        self.path = pathlib.Path(path)
        self.mount()

    def unmount(self):
        if not self.is_mounted:
            return
        deadline = time.monotonic() + 30
        while subprocess.run(["umount", self.path], capture_output=True).returncode != 0:
            # A killed process may still be on its way out of a call.
            assert time.monotonic() < deadline, f"{self.path} could not be unmounted in 30 s."
            time.sleep(0.05)
        self.is_mounted = False


def cut_power(path):
    """Stops the file system there without writing its log (FS_IOC_SHUTDOWN, flag 2), until it is mounted again."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(handle, FS_IOC_SHUTDOWN, struct.pack("I", 2))
    finally:
        os.close(handle)


def median(values):
    return statistics.median(values) if values else 0


def starts_line(server):
    """What the starts of a server took, but for the first one."""
    seconds, opened = server.start_seconds[1:], server.opened_ms[1:]
    return (f"restart to listening: median {median(seconds):.2f} s, longest {max(seconds, default=0):.2f} s; "
            f"partitions opened in: median {median(opened):.0f} ms, longest {max(opened, default=0)} ms")


def finish(faults):
    print(f"{faults}", flush=True)
    for detail in faults.details:
        print(f"  {detail}")
    return 1 if faults else 0
