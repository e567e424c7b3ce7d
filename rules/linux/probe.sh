# Opens flows from this host, with whatever can. The texts probe_perl and probe_python
# stand before this one. It changes nothing.
#
# Standard input: lines KEY VALUE (wait, at-once, nonce, tool), an empty line, then a line
# for each end: NUMBER PROTOCOL ADDRESS PORT HEARS, where HEARS is "listener" where one of
# ours may wait there. The answer: "farmwall probe 1", "tool NAME" or "cannot WHY", for each
# end "reply NUMBER WORD LOCAL OURS TEXT", "end". WORD is connected, refused, filtered,
# unreachable, silent (UDP, and nothing came) or cannot; LOCAL the address that it came from
# and OURS whose answer it was ("ours", "earlier"), both "-" where that is not known.

LC_ALL=C
PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin:/usr/local/bin:/usr/libexec
export LC_ALL PATH
umask 077

wait_ms=2000
most=256
nonce=none
tool=
while IFS=' ' read -r key value && [ -n "$key" ]; do
	case $key in
	wait) wait_ms=$value ;;
	at-once) most=$value ;;
	nonce) nonce=$value ;;
	tool) tool=$value ;;
	esac
done

# Whole seconds, and the thirds of the time, for tools that take these.
secs=$(((wait_ms + 999) / 1000))
third=$((wait_ms / 3000)).$(printf %03d $((wait_ms / 3 % 1000)))

there() { command -v "$1" >/dev/null 2>&1; }

# usable TOOL says whether this host has a tool, and all that we need of it.
usable() {
	case $1 in
	perl) there perl && perl -e 'use Socket qw(inet_pton pack_sockaddr_in6); use Errno; use Fcntl;' >/dev/null 2>&1 ;;
	python3 | platform-python) there "$1" && "$1" -c 'import socket, select' >/dev/null 2>&1 ;;
	# A bash may be built without its network.
	bash) there bash && there timeout && ! bash -c ': </dev/tcp/127.0.0.1/0' 2>&1 | grep -q 'No such file' ;;
	socat | nc | ncat | nc.* | curl) there "$1" && there timeout ;;
	busybox) there busybox && there timeout && busybox nc 2>&1 | grep -q Usage ;;
	*) false ;;
	esac
}

printf 'farmwall probe 1\n'
chosen=
for name in ${tool:-perl python3 platform-python bash socat ncat nc busybox curl}; do
	if usable "$name"; then
		chosen=$name
		break
	fi
done
if [ -z "$chosen" ]; then
	printf 'cannot %s\nend\n' "none of ${tool:-perl, python3, bash, socat, ncat, nc, busybox nc and curl} is here, or none that can open connections"
	exit 0
fi
printf 'tool %s\n' "$chosen"

# reply NUMBER PROTOCOL LISTENER OPEN STATUS SAID makes a reply of what a tool that is a
# program for each flow left behind: OPEN is "open" where it said that it is connected.
reply() {
	ours=-
	case "
$6" in
	*"
farmwall $nonce"*) ours=ours ;;
	*"
farmwall "*) ours=earlier ;;
	esac
	case $ours$6 in
	ours* | earlier*) word=connected ;;
	*[Rr]efused* | *"reset by peer"*) word=refused ;;
	*nreachable* | *"o route to host"* | *"ermission denied"* | *"not permitted"* | *"ddress family not supported"* | *"annot assign requested address"*) word=unreachable ;;
	*)
		case $2$4 in
		tcpopen) word=connected ;;
		tcp*)
			case $6$5 in
			*"imed out"* | *TIMEOUT* | *imeout* | *124 | *143 | *137) word=filtered ;;
			*) word=cannot ;;
			esac
			;;
		*)
			word=silent
			[ "$4" != open ] || word=connected
			;;
		esac
		;;
	esac
	text=
	case $word in
	unreachable | cannot) text=$(printf '%s' "${6##*: }" | tr -c ' -~' ' ' | cut -c1-120) ;;
	esac
	printf 'reply %s %s - %s %s\n' "$1" "$word" "$ours" "$text"
}

# Each of these opens one flow: NUMBER PROTOCOL ADDRESS PORT HEARS.

# The builtin read of bash takes one byte at a time, and the rest of a datagram is lost.
by_bash() {
	# shellcheck disable=SC2016 # the inner bash expands these
	case $2 in
	tcp) said=$(timeout "$((secs * 2))" bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1
		echo open
		[ "$3" != listener ] || timeout "$4" dd bs=2000 count=1 <&3 2>/dev/null' bash "$3" "$4" "$5" "$secs" 2>&1) ;;
	*) said=$(timeout "$((secs * 2))" bash -c 'exec 3<>"/dev/udp/$1/$2" || exit 1
		for try in 1 2 3; do
			echo >&3 || exit 1
			said=$(timeout "$3" dd bs=2000 count=1 <&3 2>&1)
			case $said in
			*"0+1 records in"*) printf "open\n%s\n" "$said"; exit ;;
			*efused* | *nreachable* | *"No route"*) printf "%s\n" "${said%%" + "*}"; exit ;;
			esac
		done' bash "$3" "$4" "$third" 2>&1) ;;
	esac
	status=$?
	case $said in
	open*) reply "$1" "$2" "$5" open $status "$said" ;;
	*) reply "$1" "$2" "$5" - $status "$said" ;;
	esac
}

bracketed() {
	case $1 in
	*:*) printf '[%s]' "$1" ;;
	*) printf '%s' "$1" ;;
	esac
}

by_socat() {
	at=$(bracketed "$3"):$4
	case $2 in
	tcp)
		# Half a second after it has nothing more to say, unless it waits for an answer.
		lag=0.1
		[ "$5" != listener ] || lag=$secs
		said=$(timeout "$((secs * 2 + 1))" socat -d -d -t "$lag" -T "$lag" - "TCP:$at,connect-timeout=$secs" </dev/null 2>&1)
		;;
	*) said=$({ echo; sleep "$third"; echo; sleep "$third"; echo; } | timeout "$((secs + 1))" socat -d -d -t "$third" - "UDP:$at" 2>&1) ;;
	esac
	status=$?
	open=-
	case $2$said in
	tcp*"starting data transfer loop"*) open=open ;;
	esac
	# Its notices and warnings are not what an answer or an error is.
	said=$(printf '%s\n' "$said" | grep -v '^[0-9/]* [0-9:]* socat\[[0-9]*\] [NWI]')
	case $2$said in
	udp | udp*" socat["*) ;;
	udp*) open=open ;;
	esac
	reply "$1" "$2" "$5" $open $status "$said"
}

# The programs called nc differ in nearly everything but these flags, and say too little of
# UDP. That of busybox is silent where it could connect, so it runs a program then.
by_nc() {
	if [ "$2" != tcp ]; then
		printf 'reply %s cannot - - %s tells nothing of UDP\n' "$1" "$chosen"
		return
	fi
	open=-
	# shellcheck disable=SC2086 # nc is one word or two
	case $kind$5 in
	busybox-)
		said=$(timeout "$((secs + 1))" $nc -w "$secs" "$3" "$4" -e /bin/true 2>&1 </dev/null)
		status=$?
		[ $status != 0 ] || open=open
		;;
	busybox*)
		said=$(sleep "$secs" | timeout "$((secs * 2))" $nc -w "$secs" "$3" "$4" 2>&1)
		status=$?
		[ $status != 0 ] && [ $status != 124 ] && [ $status != 143 ] || open=open
		;;
	*-)
		said=$(timeout "$((secs + 1))" $nc -v -n -z -w "$secs" "$3" "$4" 2>&1 </dev/null)
		status=$?
		[ $status != 0 ] || open=open
		;;
	*)
		said=$(sleep "$secs" | timeout "$((secs * 2))" $nc -v -n -w "$secs" "$3" "$4" 2>&1)
		status=$?
		;;
	esac
	case $said in
	*" succeeded!"* | *"Connected to"* | *") open"*) open=open ;;
	esac
	reply "$1" "$2" "$5" $open $status "$said"
}

by_curl() {
	if [ "$2" != tcp ]; then
		printf 'reply %s cannot - - curl cannot send UDP\n' "$1"
		return
	fi
	lag=1
	[ "$5" != listener ] || lag=$secs
	said=$(timeout "$((secs + lag + 1))" curl -v -s -S -g --noproxy '*' --connect-timeout "$secs" -m "$((secs + lag))" "telnet://$(bracketed "$3"):$4" 2>&1 </dev/null)
	status=$?
	open=-
	case $said in
	*"* Connected to "*) open=open ;;
	esac
	reply "$1" "$2" "$5" $open $status "$said"
}

# each WAY opens the flows of standard input, so many at a time.
each() {
	n=0
	while IFS=' ' read -r number protocol address port hears; do
		"$1" "$number" "$protocol" "$address" "$port" "$hears" &
		n=$((n + 1))
		[ $((n % most)) -ne 0 ] || wait
	done
	wait
}

case $chosen in
perl | python3 | platform-python)
	# Of 1024 files at once, the usual limit, some are taken.
	ulimit -n 4096 2>/dev/null
	limit=$(ulimit -n)
	case $limit in
	*[!0-9]*) ;;
	*) [ "$most" -le "$((limit - 50))" ] || most=$((limit - 50)) ;;
	esac
	;;
*) [ "$most" -le 125 ] || most=125 ;;
esac
case $chosen in
busybox) kind=busybox nc="busybox nc" ;;
*nc*)
	nc=$chosen
	case $($chosen -h 2>&1 </dev/null) in
	*BusyBox*) kind=busybox ;;
	*Ncat*)
		# Each takes a tenth of a second to begin, and that counts as waiting.
		kind=ncat
		secs=$((secs + 1))
		[ "$most" -le 16 ] || most=16
		;;
	*) kind=nc ;;
	esac
	;;
esac
case $chosen in
perl) perl -e "$probe_perl" "$wait_ms" "$most" "$nonce" ;;
python3 | platform-python) "$chosen" -c "$probe_python" "$wait_ms" "$most" "$nonce" ;;
bash) each by_bash 2>/dev/null ;;
socat) each by_socat 2>/dev/null ;;
curl) each by_curl 2>/dev/null ;;
*) each by_nc 2>/dev/null ;;
esac
printf 'end\n'
