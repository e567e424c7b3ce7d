# ufw: its two rule files and the chains that they are loaded into are brought to what a
# copy says by the same step that ufw itself takes for a rule that it inserts: new file by
# rename, then iptables-restore without flushing. Never by "ufw reload", which takes the
# whole firewall away and builds it up again.

managers="${managers-} ufw"
ufw_units=''

# What runs under ufw's own lock: $1 is test or load, $2 the copy, $3 what may be put back
# whole where there is no space left.
ufw_locked='
status=11 code=0
for v in "" 6; do
	[ -z "$v" ] || [ -n "$UFW_SIX" ] || continue
	file=/etc/ufw/user$v.rules fresh=
	[ "$1" = test ] || fresh=$file.farmwall
	save=
	[ -z "$UFW_ON" ] || save="ip${v}tables-save -t filter"
	[ -z "$fresh" ] || cp -p "$file" "$fresh"
	delta=$($UFW_AWKS -v v="$v" -v copy="$2" -v kept=/etc/farmwall/copy -v rules="$file" -v fresh="$fresh" -v save="$save" "$UFW_SPLICE")
	code=$?
	case $code in
	2[0-3]) ;;
	*)
		rm -f "$file.farmwall"
		[ -n "$3" ] && [ -e "$3$v" ] && mv -f "$3$v" "$file" && sync || exit 1
		delta=$($UFW_AWKS -v v="$v" -v copy="$2" -v kept=/etc/farmwall/copy -v rules="$file" -v save="$save" "$UFW_SPLICE")
		code=20
		[ -z "$delta" ] || code=22
		;;
	esac
	[ "$code" = 20 ] || status=10
	case $1:$code in
	load:2[13]) { sync "$fresh" 2>/dev/null || sync; } && mv -f "$fresh" "$file" && { sync /etc/ufw 2>/dev/null || sync; } || exit 1 ;;
	load:*) rm -f "$fresh" ;;
	esac
	check=
	[ "$1" = load ] || check=--test
	[ -z "$delta" ] || printf "%s\n" "$delta" | "ip${v}tables-restore" -w 10 -n $check || exit 1
done
exit "$status"'

# The lock of ufw is one that only fcntl takes. An administrator who is asked "Proceed?" holds
# it: what has to be undone goes on without it.
ufw_python='
import fcntl, os, sys, time
f = os.open("/run/ufw.lock", os.O_WRONLY | os.O_CREAT, 0o644)
for i in range(50):
    try:
        fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        break
    except OSError:
        time.sleep(0.1)
else:
    if sys.argv[1] == "must":
        sys.exit("another ufw command is at work and holds the lock of ufw")
os.set_inheritable(f, True)
os.execv("/bin/sh", ["sh", "-c", os.environ["UFW_LOCKED"], "sh"] + sys.argv[2:])'

# ufw_config sets on and six where ufw is enabled and rules IPv6.
ufw_config() {
	UFW_ON='' UFW_SIX=''
	while read -r line; do
		case $line in ENABLED=[yY][eE][sS]*) UFW_ON=1 ;; esac
	done </etc/ufw/ufw.conf
	while read -r line; do
		case $line in IPV6=[yY][eE][sS]* | IPV6=\"[yY][eE][sS]*) UFW_SIX=1 ;; esac
	done </etc/default/ufw
}

ufw_run() { # WAIT VERB COPY [SAVED]
	ufw_config
	UFW_AWKS=$awk UFW_SPLICE=$ufw_splice UFW_LOCKED=$ufw_locked UFW_ON=$UFW_ON UFW_SIX=$UFW_SIX \
		python3 -IS -c "$ufw_python" "$1" "$2" "$3" "${4-}"
}

ufw_test() { ufw_run must test "$1"; } # COPY MODE WORK

ufw_load() { # COPY MODE WORK
	case $1 in
	"$run"/undo.*) ufw_run may load "$1" "$etc/ufw.rules" ;;
	*) ufw_run must load "$1" ;;
	esac
	case $? in 10 | 11) ;; *) return 1 ;; esac
}

ufw_load_tested() { ufw_load "$1"; }

ufw_empty() { ! grep -q '^tuple [46] ' "$1"; } # COPY

# ufw_prepare makes sure that a reboot inside the window takes the change back: ufw loads its
# files before anything of the frame runs.
ufw_prepare() { # LEASE
	folders "$etc" && ufw_config && cp "$run/undo.$1" "$etc/ufw.undo" && cp -p /etc/ufw/user.rules "$etc/ufw.rules" || return 1
	[ -z "$UFW_SIX" ] || cp -p /etc/ufw/user6.rules "$etc/ufw.rules6" || return 1
	printf '%s\n' "$ufw_splice" >"$etc/ufw.awk" && lines >"$etc/ufw.back" <<-'END' && early ufw
		PATH=/usr/sbin:/sbin:/usr/bin:/bin
		LC_ALL=C
		export PATH LC_ALL
		cd /etc/farmwall || exit 1
		if { [ ! -s ufw.record ] && [ ! -e /var/lib/farmwall/record ]; } || cmp -s ufw.record /var/lib/farmwall/record; then
			for v in '' 6; do
				[ -e "ufw.rules$v" ] || continue
				file=/etc/ufw/user$v.rules
				cp -p "$file" "$file.farmwall" && awk -v v="$v" -v copy=ufw.undo -v rules="$file" -v fresh="$file.farmwall" -f ufw.awk
				case $? in
				20) rm -f "$file.farmwall" ;;
				21) sync && mv -f "$file.farmwall" "$file" ;;
				*) rm -f "$file.farmwall"; mv -f "ufw.rules$v" "$file" ;;
				esac
			done
		fi
		sync
		rm -f ufw.* /etc/systemd/system/ufw.service.wants/farmwall-ufw.service
	END
}

# ufw_kept: the change is confirmed, so nothing has to be taken back any more.
ufw_kept() { late ufw; }

# ufw_unkeep: while the switch is armed the preparation is still needed.
ufw_unkeep() {
	token
	case $token in armed | confirming) return 0 ;; esac
	if [ -e "$etc/ufw.back" ] && early_taken_back ufw; then
		ufw_run may load "$etc/ufw.undo" "$etc/ufw.rules"
		case $? in 10 | 11) ;; *) return 1 ;; esac
	fi
	late ufw
}
