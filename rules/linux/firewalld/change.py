import os, sys
import dbus

verb, copy, run, etc = sys.argv[1:5]
name = "org.fedoraproject.FirewallD1"
path = "/org/fedoraproject/FirewallD1"
bus = dbus.SystemBus()
alive = bus.name_has_owner(name)


def call(where, face, method, *args):
    return bus.get_object(name, where, introspect=False).get_dbus_method(method, name + face)(*args, timeout=300)


def read(file, section):
    out, inside = {}, not section
    try:
        with open(file) as f:
            for line in f:
                line = line.rstrip("\n")
                if section and line == "farmwall copy 1 firewalld":
                    inside = True
                elif section and line == "end":
                    inside = False
                elif inside:
                    zone, mark, rule = line.split(" ", 2)
                    out.setdefault((zone, rule), []).append(mark)
    except FileNotFoundError:
        pass
    return out


def write(file, marks):
    with open(file + "~", "w") as f:
        for (zone, rule), names in sorted(marks.items()):
            for mark in sorted(names):
                f.write("%s %s %s\n" % (zone, mark, rule))
        f.flush()
        os.fsync(f.fileno())
    os.rename(file + "~", file)


def do(ignore, *args):
    try:
        call(path, ".zone", *args)
    except dbus.DBusException as e:
        if ignore not in str(e):
            raise


def lists(zones, fetch):
    out = {}
    for zone in zones:
        try:
            out[zone] = [str(r) for r in fetch(zone)]
        except dbus.DBusException as e:
            if "INVALID_ZONE" not in str(e):
                raise
    return out


def loaded(zone):
    return call(path, ".zone", "getRichRules", zone)


def config(zone):
    return call(path + "/config", ".config", "getZoneByName", zone)


def permanent(zone):
    return call(config(zone), ".config.zone", "getRichRules")


def replace(zone, rules):
    call(config(zone), ".config.zone", "setRichRules", dbus.Array(rules, signature="s"))


def plan(want, ours, fetch):
    have = lists({z for z, _ in want} | {z for z, _ in ours}, fetch)
    for zone, _ in want:
        if zone not in have:
            sys.exit("firewalld has no zone " + zone)
    add = [k for k in want if k[1] not in have[k[0]]]
    gone = [k for k in ours if k not in want and k[1] in have.get(k[0], [])]
    return have, add, gone


kept = read(etc + "/marks", False)
want = read(copy, True)
if verb in ("test", "load"):
    marked = read(run + "/marks", False)
    ours = dict(kept)
    ours.update(marked)
    if not alive:
        if want and verb == "test":
            sys.exit("firewalld does not run")
        sys.exit(11)
    have, add, gone = plan(want, ours, loaded)
    marks = {k: want[k] for k in want if k in add or k in ours}
    if verb == "test":
        try:
            from firewall.core.rich import Rich_Rule
            for k in add:
                Rich_Rule(rule_str=k[1]).check()
        except ImportError:
            pass
        sys.exit(11 if not add and not gone and marks == marked else 10)
    # A rule is known as ours before it is there.
    if add:
        write(run + "/marks", {**marks, **{k: ours[k] for k in gone}})
    for k in add:
        do("ALREADY_ENABLED", "addRichRule", k[0], k[1], 0)
    for k in gone:
        do("NOT_ENABLED", "removeRichRule", k[0], k[1])
    try:
        write(run + "/marks", marks)
    except OSError:
        pass
elif verb == "keep":
    if not alive:
        sys.exit("firewalld does not run, so its permanent rules cannot be changed")
    have, add, gone = plan(want, kept, permanent)
    write(etc + "/firewalld.marks", {k: want[k] for k in want if k in add or k in kept})
    # How to get back: by firewalld while it runs, by its files before it starts.
    write(etc + "/firewalld.add", {k: ["+"] for k in add})
    write(etc + "/firewalld.gone", {k: ["-"] for k in gone})
    zones = sorted({k[0] for k in add + gone})
    for zone in zones:
        try:
            with open("/etc/firewalld/zones/%s.xml" % zone, "rb") as f:
                text = f.read()
        except FileNotFoundError:
            text = b""
        with open(etc + "/firewalld.zone." + zone, "wb") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
    folder = os.open(etc, os.O_RDONLY)
    os.fsync(folder)
    for zone in zones:
        replace(zone, [r for r in have[zone] if (zone, r) not in gone] + [r for z, r in add if z == zone])
elif verb == "unkeep" and alive:
    add = read(etc + "/firewalld.add", False)
    gone = read(etc + "/firewalld.gone", False)
    have = lists({z for z, _ in list(add) + list(gone)}, permanent)
    for zone, rules in have.items():
        back = [r for r in rules if (zone, r) not in add]
        back += [r for z, r in gone if z == zone and r not in back]
        if back != rules:
            replace(zone, back)
    # After a reboot what was permanent is loaded too.
    if not copy:
        for k in add:
            do("NOT_ENABLED", "removeRichRule", k[0], k[1])
