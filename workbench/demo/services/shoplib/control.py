"""Each service counts what it received and what it called, and can be told to misbehave, over a unix socket: nothing
of it travels with the requests, so an observer of the network cannot see it.

One line in, one line out: "stats" -> the counts as JSON; "fault NAME on|off" -> "ok".
"""

import json
import os
import socketserver
import threading


class Control:
    def __init__(self, faults):
        self.lock = threading.Lock()
        self.counts = {"received": {}, "called": {}}
        self.faults = dict.fromkeys(faults, False)

    def received(self, route, status):
        self.add("received", route, str(status))

    def called(self, call, outcome):
        self.add("called", call, outcome)

    def add(self, side, key, outcome):
        with self.lock:
            outcomes = self.counts[side].setdefault(key, {})
            outcomes[outcome] = outcomes.get(outcome, 0) + 1

    def answer(self, line):
        words = line.split()
        if words == ["stats"]:
            with self.lock:
                return json.dumps(self.counts)
        if len(words) == 3 and words[0] == "fault" and words[1] in self.faults and words[2] in ("on", "off"):
            self.faults[words[1]] = words[2] == "on"
            return "ok"
        return f"error unknown command {line!r}"

    def serve(self, path):
        control = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                for line in self.rfile:
                    self.wfile.write(control.answer(line.decode().strip()).encode() + b"\n")

        if os.path.exists(path):
            os.unlink(path)
        server = socketserver.ThreadingUnixStreamServer(path, Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True, name="control").start()
