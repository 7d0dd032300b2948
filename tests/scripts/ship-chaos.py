"""Ships a log that is rotated, and kills the shipper and the server. The topic must have each line once and in order.

Usage: ship-chaos.py SERVER.dll DIRECTORY SEED SHIPPER LINES SECONDS. With ship.sh, the log is not rotated. The seed
decides the lines, the rotations and the moments of the kills. The interplay of the processes depends on the machine.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

dll, directory, seed, shipper = sys.argv[1:5]
lines, seconds = int(sys.argv[5]), float(sys.argv[6])
rotates = shipper.endswith(".py")
path = pathlib.Path(directory, "app.log")
failures = []
counts = dict.fromkeys(("rotations", "copies", "server kills", "server stops", "shipper kills"), 0)
written = threading.Event()


class Writer(threading.Thread):
    """Writes numbered lines, in pieces that end anywhere, and rotates the file in each of the usual ways."""

    def __init__(self):
        super().__init__(daemon=True)
        self.random = random.Random(f"{seed} writer")
        self.expected = []

    def run(self):
        began = time.monotonic()
        file = self.open()
        left = self.lines_per_file()
        for number in range(lines):
            text = f"{number} Größe {'x' * self.random.choice((0, 5, 40, 200))}"
            self.expected.append(text)
            file.write(text.encode())
            if self.random.random() < 0.01:
                file.flush()  # half a line, or all of it but its end
                time.sleep(self.random.uniform(0, 0.02))
            left -= 1
            if left > 0 or number == lines - 1 or not rotates:
                file.write(b"\n")
            else:
                file = self.rotate(file)
                left = self.lines_per_file()
            ahead = seconds * number / lines - (time.monotonic() - began)
            if ahead > 0.05:
                file.flush()
                time.sleep(ahead)
        file.close()
        written.set()

    def lines_per_file(self):
        return self.random.randint(lines // 60 + 1, lines // 20 + 2)

    def open(self):
        return open(path, "ab", buffering=self.random.choice((256, 8192)))

    def rotate(self, file):
        if self.random.random() < 0.7:
            file.write(b"\n")  # else the last line of this file has no end
        file.flush()
        for number in range(len(list(path.parent.glob("app.log.*"))), 0, -1):
            os.rename(f"{path}.{number}", f"{path}.{number + 1}")
        if self.random.random() < 0.2:
            # As logrotate's copytruncate, while nothing is written.
            counts["copies"] += 1
            shutil.copyfile(path, f"{path}.1")
            os.truncate(path, 0)
            return file
        counts["rotations"] += 1
        os.rename(path, f"{path}.1")
        file.close()
        if self.random.random() < 0.5:
            path.touch()
            time.sleep(self.random.uniform(0, 0.3))
        return self.open()


def start_server():
    environment = os.environ | {"LogHttp__DataDirectory": f"{directory}/data"}
    log = pathlib.Path(directory, "server.log")
    command = ["dotnet", dll, "--urls", f"http://127.0.0.1:{port}"]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=output, stderr=output)
    listens = "Now listening on: http://127.0.0.1:"
    while listens not in (text := log.read_text()):
        if process.poll() is not None:
            sys.exit(f"The server did not start:\n{text}")
        time.sleep(0.05)
    return process, int(text.split(listens)[1].split()[0])


def start_shipper(randomness=None):
    """Starts the shipper. With a generator it may be killed at one of its calls, such as the sync of its state."""
    command = [shipper, f"http://127.0.0.1:{port}", "logs", str(path)]
    if rotates and randomness and randomness.random() < 0.5:
        call, last = randomness.choice((("fsync", 8), ("rename", 4), ("sendto", 20), ("recvfrom", 20)))
        inject = f"inject={call}:signal=KILL:when={randomness.randint(1, last)}"
        command = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject, *command]
    with open(f"{directory}/shipper.log", "ab") as output:
        return subprocess.Popen(
            command,
            cwd=directory,
            env=os.environ | {"SHIP_SETTLE": "0.3"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def kill_group(process):
    os.killpg(process.pid, signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        failures.append(f"The shipper ended by itself with status {process.returncode}.")


def again_and_again(name, restart, pauses):
    """Calls restart at random moments until all lines are written."""
    random_pauses = random.Random(f"{seed} {name}")
    try:
        while not written.wait(random_pauses.uniform(*pauses)) and not failures:
            restart(random_pauses)
    except BaseException as failure:  # of any kind: the main thread says it
        failures.append(f"{name}: {failure!r}")


def restart_server(randomness):
    global server
    if randomness.random() < 0.7:
        counts["server kills"] += 1
        server.kill()
    else:
        counts["server stops"] += 1
        server.terminate()
    server.wait()
    time.sleep(randomness.choice((0, 0, 1)))
    server, _ = start_server()


def restart_shipper(randomness):
    global shipping
    counts["shipper kills"] += 1
    kill_group(shipping)
    # Sometimes for so long that the log is rotated several times.
    time.sleep(randomness.choice((0, 0, 0.2, seconds / 10)))
    shipping = start_shipper(randomness)


def read_topic():
    values, next_path = [], "/topics/logs/earliest"
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{next_path}") as response:
            page = response.read().splitlines()
            if response.status == 204:
                return values
            values += [json.loads(line)["value"] for line in page]
            next_path = "/topics/logs/" + response.headers["Link"].split("<")[1].split(">")[0]


def count_records():
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/topics/logs/latest") as response:
            return int(response.headers["Log-Next-Offset"])
    except OSError:
        return 0


port = 0
server, port = start_server()
writer = Writer()
writer.start()
shipping = start_shipper()
threads = [
    threading.Thread(target=again_and_again, args=("server", restart_server, (1, max(2, seconds / 12)))),
    threading.Thread(target=again_and_again, args=("shipper", restart_shipper, (0.1, max(1, seconds / 15)))),
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
kill_group(shipping)
shipping = start_shipper()
deadline = time.monotonic() + 60
while count_records() < lines and time.monotonic() < deadline and not failures:
    time.sleep(0.1)
kill_group(shipping)
values = read_topic() if server.poll() is None else []
server.kill()
server.wait()
for failure in failures:
    print(failure)
expected = writer.expected
if values != expected:
    differing = (at for at, (value, line) in enumerate(zip(values, expected)) if value != line)
    at = next(differing, min(len(values), len(expected)))
    print(f"{len(values)} records for {len(expected)} lines.")
    print(f"From line {at} on the topic has {values[at : at + 2]}, not {expected[at : at + 2]}.")
if failures or values != expected:
    sys.exit(1)
done = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
print(f"{lines} lines, each once and in order: {done}")
