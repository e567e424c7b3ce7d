# Waits for flows: python3 -c THIS NONCE SECONDS FILE, with the ends on standard input. See
# listen.sh. It says which ends it could open, and goes on without whoever started it until
# the time is over or the file has gone. This text stands between two single quotes.
import errno, os, select, signal, socket, sys, time

nonce, seconds, file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
answer = ("farmwall %s\n" % nonce).encode()


# A socket that waits there.
def waiting(tcp, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    # With it a connection that has just ended is no hindrance; a listener still is. Of
    # UDP it would let two share a port.
    if tcp:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, port))
    if tcp:
        s.listen(128)
    s.setblocking(False)
    return s


sockets = {}
for line in sys.stdin:
    n, protocol, address, port = line.split()
    tcp = protocol == "tcp"
    try:
        try:
            s = waiting(tcp, address, int(port))
        except OSError as problem:
            if problem.errno != errno.EADDRNOTAVAIL:
                raise
            # An address that is translated on the way is not the own one of this host.
            s = waiting(tcp, "::" if ":" in address else "0.0.0.0", int(port))
    except OSError as problem:
        said = "taken" if problem.errno == errno.EADDRINUSE else os.strerror(problem.errno or 0)
        sys.stdout.write("opened %s %s\n" % (n, said))
        continue
    sockets[s] = tcp
    sys.stdout.write("opened %s yes\n" % n)
sys.stdout.flush()
if not sockets:
    sys.exit(0)
child = os.fork()
if child:
    with open(file, "w") as note:
        note.write("%d\n" % child)
    os._exit(0)
os.setsid()
nothing = os.open("/dev/null", os.O_RDWR)
for at in (0, 1, 2):
    os.dup2(nothing, at)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
end = time.monotonic() + seconds
begun = time.monotonic() + 2  # by then the file is there
poll = select.poll()
by = {}
for s in sockets:
    by[s.fileno()] = s
    poll.register(s.fileno(), select.POLLIN)
while time.monotonic() < end and (os.path.exists(file) or time.monotonic() < begun):
    for at, _ in poll.poll(250):
        s = by[at]
        try:
            if sockets[s]:
                c, _ = s.accept()
                try:
                    c.send(answer)
                finally:
                    c.close()
            else:
                said, sender = s.recvfrom(2000)
                # Two of our listeners must not talk to each other for ever.
                if not said.startswith(b"farmwall "):
                    s.sendto(answer, sender)
        except OSError:
            continue
try:
    os.unlink(file)
except OSError:
    pass
