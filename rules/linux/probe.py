# Opens flows: python3 -c THIS WAIT-MS AT-ONCE NONCE, with the ends on standard input. See
# probe.sh for the lines in and out. This text stands between two single quotes, so it
# holds none.
import errno, os, re, select, socket, sys, time

wait = int(sys.argv[1]) / 1000.0
most = int(sys.argv[2])
nonce = sys.argv[3]
refused = (errno.ECONNREFUSED, errno.ECONNRESET)
full = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS)
poll = select.poll()
opened = {}


class Flow:
    def __init__(self, line):
        self.n, protocol, self.address, port, hears = line.split()
        self.tcp = protocol == "tcp"
        self.port = int(port)
        self.hears = hears == "listener"
        self.reads = not self.tcp
        self.ours = "-"
        self.socket = None

    def told(self, word, text=""):
        local = "-"
        if self.socket is not None:
            try:
                name = self.socket.getsockname()
                if name[1]:
                    local = name[0]
            except OSError:
                pass
            self.leave()
        sys.stdout.write(("reply %s %s %s %s %s" % (self.n, word, local, self.ours, text)).rstrip() + "\n")

    def leave(self):
        at = self.socket.fileno()
        if at in opened:
            poll.unregister(at)
            del opened[at]
        self.socket.close()

    def failed(self, code):
        if code in refused:
            self.told("refused")
        elif code == errno.ETIMEDOUT:
            self.told("filtered")
        else:
            self.told("unreachable", os.strerror(code))

    # Begins with the flow; false where there is no room for it now.
    def begin(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        try:
            self.socket = socket.socket(family, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        except OSError as problem:
            if problem.errno in full and opened:
                return False
            self.failed(problem.errno)
            return True
        self.socket.setblocking(False)
        code = self.socket.connect_ex((self.address, self.port))
        if code not in (0, errno.EINPROGRESS):
            self.failed(code)
            return True
        now = time.monotonic()
        self.end = now + wait
        self.again = now + wait / 3
        if not self.tcp and not self.knock():
            return True
        at = self.socket.fileno()
        opened[at] = self
        poll.register(at, select.POLLIN if self.reads else select.POLLOUT)
        return True

    # A datagram may get lost, and so may the word that nobody wants it.
    def knock(self):
        try:
            self.socket.send(b"\n")
        except OSError as problem:
            self.failed(problem.errno)
            return False
        self.again = time.monotonic() + wait / 3
        return True

    def writable(self):
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.failed(code)
        elif not self.hears:
            self.told("connected")
        else:
            self.reads = True
            self.end = time.monotonic() + wait
            poll.modify(self.socket.fileno(), select.POLLIN)

    def readable(self):
        said = b""
        try:
            said = self.socket.recv(2000)
        except OSError as problem:
            if problem.errno in (errno.EAGAIN, errno.EINTR):
                return
            if not self.tcp:
                self.failed(problem.errno)
                return
        match = re.match(b"farmwall ([a-z0-9]+)\n", said)
        if match:
            self.ours = "ours" if match.group(1) == nonce.encode() else "earlier"
        self.told("connected")


later = [Flow(line) for line in sys.stdin]
later.reverse()
while later or opened:
    while later and len(opened) < most and later[-1].begin():
        later.pop()
    soon = time.monotonic() + 1
    for flow in opened.values():
        soon = min(soon, flow.end if flow.tcp else min(flow.end, flow.again))
    for at, _ in poll.poll(max(soon - time.monotonic(), 0.01) * 1000):
        flow = opened[at]
        if flow.reads:
            flow.readable()
        else:
            flow.writable()
    now = time.monotonic()
    for flow in list(opened.values()):
        if now >= flow.end:
            flow.told("silent" if not flow.tcp else "connected" if flow.reads else "filtered")
        elif not flow.tcp and now >= flow.again:
            flow.knock()
