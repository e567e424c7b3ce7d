# The way into every script of the frame. What follows is written to a file and runs
# in a session of its own, so that it outlives the line and can be ended as a whole.
# Standard input is data only; it is read to its end before anything else.
trap '' HUP PIPE
LC_ALL=C
PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin
TMPDIR=/run/farmwall # where a shell puts a long text like the one below
export LC_ALL PATH TMPDIR
umask 077
refused() {
	printf 'farmwall answer 1\nresult refused\nmessage %s\nend\n' "$1"
	exit 0
}
[ "$(id -u)" = 0 ] || refused 'only root can change the firewall'
for tool in flock setsid sha256sum awk nft; do
	command -v "$tool" >/dev/null || refused "$tool is missing on this host; install it"
done
problem=$(folder /run/farmwall 2>&1) || refused "$problem"
input=/run/farmwall/input.$$
program=/run/farmwall/program.$$
# What was left by scripts that were killed.
for old in /run/farmwall/input.* /run/farmwall/program.* /run/farmwall/work.* /run/farmwall/ours.* /run/farmwall/rest.*; do
	[ -e "/proc/${old##*.}" ] || rm -f "$old"
done
cat >"$input" || {
	rm -f "$input"
	refused 'cannot write to /run/farmwall; is it full?'
}
cat >"$program" <<'END-OF-THE-PROGRAM'
