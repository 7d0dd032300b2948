"""A topic is missing at a start after a crash, and is back at a later one. No record of it is lost.

The topic is a mount, a link to a mount, or was moved out of the directory. The crash is a kill, or a power cut.
Usage: crash-unmounted-topic.py SERVER.dll DIRECTORY SEED ROUNDS [mount|link|moved]…
"""
import random
import shutil
import signal
import subprocess
import sys

from crashes import Faults, Load, LoopMount, Server, Topic, check_all, cut_power, finish, run, starts_line

dll, directory, seed = sys.argv[1:4]
rounds = int(sys.argv[4])
faults, acknowledged, found, unplaced_bytes = Faults(), 0, 0, []


def expect(holds, detail):
    if not holds:
        faults.add("changed", detail)


class Place:
    """The place of the topic "away", and the ways to remove it and bring it back."""

    def __init__(self, kind, home):
        self.kind, self.topic = kind, home.path / "data/topics/away"
        self.other = LoopMount("xfs", directory, f"other-{kind}", "400M") if kind in ("mount", "link") else None
        self.aside = home.path / "aside"

    def settle(self):
        if self.kind == "mount":
            shutil.copytree(self.topic, self.other.path, dirs_exist_ok=True)
            shutil.rmtree(self.topic)
            self.topic.mkdir()
            self.bind()
        elif self.kind == "link":
            shutil.move(self.topic, self.other.path / "away")
            self.topic.symlink_to(self.other.path / "away")
        # An operator's copy, which the next power cut must not lose.
        run("sync", "--file-system", self.topic, self.topic.parent)

    def bind(self):
        subprocess.run(["mount", "--bind", self.other.path, self.topic], check=True)

    def unbind(self):
        if self.kind == "mount":
            subprocess.run(["umount", self.topic], check=self.other.is_mounted)

    def go(self):
        if self.kind == "moved":
            self.topic.rename(self.aside)
        else:
            self.unbind()
            self.other.unmount()

    def come_back(self):
        if self.kind == "moved":
            self.aside.rename(self.topic)
        else:
            self.other.mount()
            if self.kind == "mount":
                self.bind()

    def remove(self):
        if self.other is not None and self.other.is_mounted:
            subprocess.run(["umount", self.topic], capture_output=True)
            self.other.unmount()


def run_place(kind):
    global acknowledged, found
    chance = random.Random(f"{seed} {kind}")
    home = LoopMount("ext4", directory, f"home-{kind}")
    place = Place(kind, home)
    data = home.path / "data"
    server = Server(dll, directory, data)
    local, away = [Topic(f"local{number}") for number in range(5)], Topic("away")
    try:
        server.start()
        server.create([topic.name for topic in [*local, away]], segmentBytes=1 << 20)
        server.end(signal.SIGTERM)
        place.settle()
        server.start()
        for number in range(rounds):
            what = f"{kind}, round {number + 1}"
            load = Load(server, [*local, away, away, away], f"{seed} {number}", depth=4, large=0.01)
            load.run_for(chance.uniform(0, 0.5), least=200)
            is_cut = chance.random() < 0.5
            if is_cut:
                # Both file systems lose power, one after the other, because there is no way to stop two at once.
                for path in [home.path] if place.other is None else chance.sample([home.path, place.other.path], 2):
                    cut_power(path)
            server.end()
            load.join()
            acknowledged += load.acknowledged
            if is_cut:
                if kind == "mount":
                    place.unbind()
                for mount in [home] if place.other is None else [home, place.other]:
                    mount.unmount()
                    mount.mount()
                if kind == "mount":
                    place.bind()
            place.go()
            for start in range(chance.randint(1, 3)):
                server.start()
                status, body, _ = server.ask("GET", "/topics/away/earliest", expected=range(400, 600))
                expect(status == (404 if kind == "moved" else 503), f"{what}: the absent topic got {status} {body}")
                found += check_all(server, local, faults)
                load = Load(server, local, f"{seed} {number} {start}", depth=4, large=0.01)
                load.run_for(chance.uniform(0, 0.3), least=chance.choice((1, 5000)))
                load.stop()
                acknowledged += load.acknowledged
                server.end(chance.choice((signal.SIGTERM, signal.SIGKILL)))
            unplaced = list((data / "journal/unplaced").glob("*.journal"))
            expect(len(unplaced) == 1, f"{what}: {len(unplaced)} files in journal/unplaced")
            unplaced_bytes.extend(path.stat().st_size for path in unplaced)
            place.come_back()
            server.start()
            expect(not server.says("READ-ONLY|DAMAGED"), f"{what}: the server's log has errors")
            expect(not list((data / "journal/unplaced").glob("*.journal")), f"{what}: journal/unplaced is not empty")
            found += check_all(server, [*local, away], faults)
            if faults:
                return
        check_all(server, [*local, away], faults, whole=True)
    finally:
        server.end()
        place.remove()
        home.unmount()
    if not faults:
        print(f"{kind}: {rounds} crashes; {starts_line(server)}", flush=True)


for kind in sys.argv[5:] or ("mount", "link", "moved"):
    if not faults:
        run_place(kind)
print(f"{acknowledged} records acknowledged, {found} found; "
      f"{min(unplaced_bytes, default=0)} to {max(unplaced_bytes, default=0)} bytes were unplaced")
sys.exit(finish(faults))
