"""Producers continue through cut connections and killed servers. The log must have every message once.

Usage: chaos.py SERVER.dll DIRECTORY SEED [--without-producers]. The seed decides the messages, the cuts and the kills,
and after how many batches they come. The interplay of the threads depends on the machine.
"""
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

dll, directory, seed = sys.argv[1:4]
with_producers = "--without-producers" not in sys.argv
batches_each, kills = (120, 5) if with_producers else (40, 2)
topics = {"single": (1, "always"), "three": (3, "always"), "written": (1, "os")}
counted = threading.Lock()
counts = dict.fromkeys(("requests", "retries", "repeats", "gaps", "unavailable"), 0)
acknowledged = 0


class Batch:
    def __init__(self, first, count, epoch, sequence):
        self.first, self.count, self.epoch, self.sequence = first, count, epoch, sequence
        self.answer, self.sent = None, False


class Client(threading.Thread):
    """Sends batches in waves of at most `under_way`, each on a connection of its own. Repeats the unanswered ones in order."""

    def __init__(self, number, topic, partition=None, under_way=1, restarts=False):
        super().__init__(daemon=True)
        self.id, self.topic, self.partition = f"p{number}", topic, partition
        self.under_way, self.failure = under_way, None
        self.in_chunks = number % 2 == 1
        self.random = random.Random(f"{seed} {self.id}")
        self.restarts_after = self.random.randrange(batches_each // 4, batches_each // 2) if restarts else batches_each
        self.batches, first, begin = [], 0, 0
        for index in range(batches_each):
            if index == self.restarts_after:
                begin = first  # sequences count the messages of an epoch
            self.batches.append(Batch(first, self.random.randint(1, 20), int(index >= self.restarts_after), first - begin))
            first += self.batches[-1].count
        self.messages = first

    def run(self):
        try:
            before, after = self.batches[: self.restarts_after], self.batches[self.restarts_after :]
            if after:
                self.deliver(before, dies=True)
                # The next process knows the batches that were begun, not their outcome. A higher epoch could no longer
                # find out.
                self.deliver(before)
            self.deliver(after or before)
        except BaseException as failure:  # of any kind: the main thread says it
            self.failure = failure

    def deliver(self, batches, dies=False):
        """Sends until all are answered, or until the client dies, to its own knowledge with the last one under way."""
        connections = [http.client.HTTPConnection("127.0.0.1", through, timeout=60) for _ in range(self.under_way)]
        while unanswered := [batch for batch in batches if batch.answer is None]:
            # No further ahead than the batches that the server remembers.
            first = batches.index(unanswered[0])
            wave = [batch for batch in unanswered if batches.index(batch) < first + self.under_way]
            sent = [self.send(connection, batch) for connection, batch in zip(connections, wave)]
            pauses = [self.receive(connection, batch, batch is wave[0]) for connection, batch, was_sent in zip(connections, wave, sent) if was_sent]
            if dies and wave[-1] is batches[-1]:
                for batch in wave:  # it had no time to note what came
                    batch.answer = None
                break
            if any(batch.answer is None for batch in wave):
                time.sleep(max(pauses, default=0) or self.random.uniform(0.01, 0.1))
        for connection in connections:
            connection.close()

    def send(self, connection, batch):
        headers = {"Content-Type": "application/x-ndjson"}
        if with_producers:
            headers |= {"Producer-Id": self.id, "Producer-Epoch": str(batch.epoch), "Producer-Seq": str(batch.sequence)}
        lines = [b'{"producer":"%s","number":%d}\n' % (self.id.encode(), number) for number in range(batch.first, batch.first + batch.count)]
        # Without a producer the topic's partitions take turns, which would say less about a record's partition.
        partition = self.partition if with_producers else self.partition or 0
        path = f"/topics/{self.topic}" + ("" if partition is None else f"?partition={partition}")
        with counted:
            counts["requests"] += 1
            counts["retries"] += batch.sent
        batch.sent = True
        try:
            connection.request("POST", path, lines if self.in_chunks else b"".join(lines), headers)
            return True
        except (OSError, http.client.HTTPException):
            connection.close()
            return False

    def receive(self, connection, batch, is_first):
        """Takes the response, if there is one. Returns the pause that the server asks for, in seconds."""
        global acknowledged
        try:
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):  # half an answer is none
            connection.close()
            return 0
        code = answer.get("code")
        with counted:
            counts["repeats"] += response.status == 200
            counts["gaps"] += code == "sequence_gap"
            counts["unavailable"] += response.status == 503
            acknowledged += response.status in (200, 201)
        if response.status in (200, 201):
            assert answer["count"] == batch.count, f"{self.id} sent {batch.count} messages, and was answered {answer}"
            batch.answer = answer
        elif response.status == 503:
            return float(response.headers["Retry-After"])
        else:
            # All batches before the first of a wave were acknowledged: none can be missing there.
            assert code == "sequence_gap" and not is_first, f"{self.id}, epoch {batch.epoch}, batch {batch.sequence}: {response.status} {answer}"
        return 0


class Server:
    def __init__(self):
        self.log = pathlib.Path(directory, "server.log")
        self.port = 0
        self.start()

    def start(self):
        environment = os.environ | {"LogHttp__DataDirectory": f"{directory}/data"}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(["dotnet", dll, "--urls", f"http://127.0.0.1:{self.port}"], cwd=directory, env=environment, stdout=log, stderr=log)
        listens = "Now listening on: http://127.0.0.1:"
        while listens not in (text := self.log.read_text()):
            if self.process.poll() is not None:
                sys.exit(f"The server did not start:\n{text}")
            time.sleep(0.05)
        self.port = int(text.split(listens)[1].split()[0])

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait()


def ask(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request(method, path, body)
    response = connection.getresponse()
    body = response.read()
    assert response.status < 300, f"{method} {path}: {response.status} {body}"
    link = response.headers["Link"]
    connection.close()
    return response.status, body, link and urllib.parse.urljoin(path, link[1 : link.index(">")])


def read_log():
    """Finds the places of each message, in the order of the log: (producer, number): [(topic, partition, offset), …]."""
    places = {}
    for topic, (partitions, _) in topics.items():
        for partition in range(partitions):
            status, body, link = ask("GET", f"/topics/{topic}/earliest?partition={partition}&maxBytes=65536")
            while status == 200:
                for record in map(json.loads, body.splitlines()):
                    message = record["value"]["producer"], record["value"]["number"]
                    places.setdefault(message, []).append((topic, partition, record["offset"]))
                status, body, link = ask("GET", link)
    return places


def check(places):
    """Counts the wrong messages, by kind."""
    faults = dict.fromkeys(("missing", "twice", "out of order", "not where the answer said", "never sent"), 0)
    messages = {(client.id, number) for client in clients for number in range(client.messages)}
    faults["missing"] = len(messages - places.keys())
    faults["never sent"] = len(places.keys() - messages)
    faults["twice"] = sum(len(found) - 1 for found in places.values())
    for client in clients:
        there = [places[client.id, number][0] for number in range(client.messages) if (client.id, number) in places]
        faults["out of order"] += sum(place[:2] != before[:2] or place <= before for before, place in zip(there, there[1:]))
        for batch in client.batches:
            answer = batch.answer
            faults["not where the answer said"] += sum(
                (answer["topic"], answer["partition"], answer["offset"] + index) not in places.get((client.id, batch.first + index), ())
                for index in range(batch.count))
    return faults


started = time.monotonic()
server = Server()
proxy = None
try:
    for topic, (partitions, flush) in topics.items():
        ask("PUT", f"/topics/{topic}", json.dumps({"partitions": partitions, "flush": flush, "segmentBytes": 65536}))
    cutting_proxy = pathlib.Path(__file__).with_name("cutting-proxy.py")
    cuts = pathlib.Path(directory, "cuts.log")
    proxy = subprocess.Popen([sys.executable, cutting_proxy, str(server.port), seed], stdout=cuts.open("w"))
    while not cuts.read_text().endswith("\n"):
        time.sleep(0.05)
    through = int(cuts.read_text().split()[0])
    clients = [
        Client(0, "single"),
        Client(1, "single", under_way=5, restarts=True),
        Client(2, "three", restarts=True),
        Client(3, "three", under_way=5),
        Client(4, "three", partition=0),
        Client(5, "three", partition=2, under_way=5),
        Client(6, "written"),
        Client(7, "written", partition=0, under_way=5),
    ]
    for client in clients:
        client.start()

    # Counted in batches and not in seconds, so that each cut is during the work however fast that is.
    batches = batches_each * len(clients)
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(batches // 20, batches * 4 // 5), kills + with_producers))
    ends = [signal.SIGKILL] * kills + [signal.SIGTERM] * with_producers
    chance.shuffle(ends)
    while moments or any(client.is_alive() for client in clients):
        for client in clients:
            if client.failure is not None:
                raise client.failure
        assert server.process.poll() is None, "The server has ended by itself."
        if moments and acknowledged >= moments[0]:
            moments.pop(0)
            time.sleep(chance.uniform(0, 0.02))
            server.end(ends.pop())
            server.start()
        time.sleep(0.001)
    for client in clients:
        if client.failure is not None:
            raise client.failure
    faults = check(read_log())
finally:
    server.end(signal.SIGKILL)
    if proxy is not None:
        proxy.terminate()
        proxy.wait()

print(f"{sum(client.messages for client in clients)} messages in {batches} batches of {len(clients)} producers; "
      f"{counts['requests']} requests, {counts['retries']} of them retries; {counts['repeats']} answered 200 as repeats, "
      f"{counts['gaps']} 409 as too early, {counts['unavailable']} 503; {cuts.read_text().count('cut')} connections cut, {kills} kills, "
      f"{int(with_producers)} SIGTERM, {sum(client.restarts_after < batches_each for client in clients)} producers restarted, {time.monotonic() - started:.0f} s")
print(", ".join(f"{count} {what}" for what, count in faults.items()))
if with_producers:
    sys.exit(any(faults.values()))
# Pipelined batches without numbers overtake each other, so only lost and repeated messages count here.
sys.exit(faults["missing"] > 0 or faults["never sent"] > 0 or faults["twice"] == 0)
