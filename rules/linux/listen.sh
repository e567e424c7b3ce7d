# Says what this host waits on, and waits on more for a short time. The texts listen_perl and
# listen_python, and folder.sh, stand before this one.
#
# Standard input: lines KEY VALUE (nonce, life, tool, do), an empty line, then a line for
# each end: NUMBER PROTOCOL ADDRESS PORT. With "do close" the listeners of that nonce end.
# The answer: "farmwall listen 1", "waits PROTOCOL HEX-ADDRESS:HEX-PORT" for each socket that
# was there before, "tool NAME" or "cannot WHY", "opened NUMBER yes" or "opened NUMBER WHY" for
# each end, "closed PROCESS" where a listener still lived, "end".
#
# Whatever becomes of who asked: a listener ends with its time, and as soon as its file
# has gone.

LC_ALL=C
PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin:/usr/local/bin:/usr/libexec
export LC_ALL PATH
umask 077
trap '' HUP PIPE

nonce=none
life=30
tool=
action=
while IFS=' ' read -r key value && [ -n "$key" ]; do
	case $key in
	nonce) nonce=$value ;;
	life) life=$value ;;
	tool) tool=$value ;;
	do) action=$value ;;
	esac
done
file=/run/farmwall/listen.$nonce

there() { command -v "$1" >/dev/null 2>&1; }

usable() {
	case $1 in
	perl) there perl && perl -e 'use Socket qw(inet_pton pack_sockaddr_in6); use Errno; use Fcntl; use POSIX;' >/dev/null 2>&1 ;;
	python3 | platform-python) there "$1" && "$1" -c 'import socket, select' >/dev/null 2>&1 ;;
	busybox) there busybox && there setsid && busybox nc 2>&1 | grep -q -e '-ll' ;;
	*) false ;;
	esac
}

# The program nc of busybox waits on one port for each process, on all addresses.
by_busybox() {
	: >"$file"
	all=
	ports=
	while IFS=' ' read -r n protocol _ port; do
		if [ "$protocol" != tcp ]; then
			echo "opened $n busybox nc waits for TCP only"
			continue
		fi
		case $ports in
		*" $port "*) ;;
		*)
			setsid busybox nc -ll -p "$port" -e /bin/echo "farmwall $nonce" </dev/null >/dev/null 2>&1 &
			all="$all $!"
			ports="$ports $port "
			;;
		esac
		asked="${asked-}$n $! $port
"
	done
	sleep 1
	while IFS=' ' read -r n process _; do
		[ -n "$n" ] || continue
		if kill -0 "$process" 2>/dev/null; then echo "opened $n yes"; else echo "opened $n taken"; fi
	done <<-END
		${asked-}
	END
	# shellcheck disable=SC2016,SC2086 # the inner shell expands these; many words
	setsid sh -c 'trap "" HUP
		file=$1 left=$2
		shift 2
		while [ "$left" -gt 0 ] && [ -e "$file" ]; do
			sleep 1
			left=$((left - 1))
		done
		kill "$@"
		rm -f "$file"' sh "$file" "$life" $all </dev/null >/dev/null 2>&1 &
	echo "$!" >"$file"
}

printf 'farmwall listen 1\n'
if [ "$action" = close ]; then
	if [ -f "$file" ] && read -r process <"$file"; then
		[ ! -d "/proc/$process" ] || printf 'closed %s\n' "$process"
		rm -f "$file"
	fi
	printf 'end\n'
	exit 0
fi
set --
for sockets in /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6; do
	[ ! -r "$sockets" ] || set -- "$@" "$sockets"
done
awk '
	FNR == 1 { split(FILENAME, part, "/"); name = part[4]; protocol = substr(name, 1, 3); next }
	protocol == "tcp" && $4 == "0A" || protocol == "udp" && $4 == "07" { print "waits " protocol " " $2 }
' "$@" </dev/null || exit 1
chosen=
if [ -n "$action" ]; then
	for name in ${tool:-perl python3 platform-python busybox}; do
		if usable "$name"; then
			chosen=$name
			break
		fi
	done
	effective=
	while read -r key _ effective _; do
		if [ "$key" = Uid: ]; then break; fi
	done </proc/self/status
	if [ "$effective" != 0 ]; then
		chosen=
		printf 'cannot %s\n' 'only root can wait there'
	elif [ -z "$chosen" ]; then
		printf 'cannot %s\n' "none of ${tool:-perl, python3 and busybox nc} is here"
	elif ! problem=$(folders /run/farmwall 2>&1); then
		chosen=
		printf 'cannot %s\n' "$problem"
	else
		printf 'tool %s\n' "$chosen"
		# What was left by a listener that somebody killed.
		for old in /run/farmwall/listen.*; do
			[ -f "$old" ] && read -r process <"$old" && [ ! -d "/proc/$process" ] && rm -f "$old"
		done
	fi
fi
case $chosen in
perl) perl -e "$listen_perl" "$nonce" "$life" "$file" || exit 1 ;;
python3 | platform-python) "$chosen" -c "$listen_python" "$nonce" "$life" "$file" || exit 1 ;;
busybox) by_busybox ;;
esac
printf 'end\n'
