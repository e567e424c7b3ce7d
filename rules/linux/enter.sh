# The way into every script of the frame. What follows is written to a file and runs
# in a session of its own, so that it outlives the line and can be ended as a whole.
# Standard input is data only.
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
effective=
while read -r key _ effective _; do
	if [ "$key" = Uid: ]; then break; fi
done </proc/self/status
[ "$effective" = 0 ] || refused 'only root can change the firewall'
for tool in flock setsid sha256sum awk nft; do
	command -v "$tool" >/dev/null || refused "$tool is missing on this host; install it"
done
problem=$(folders /run/farmwall /var/lib/farmwall 2>&1) || refused "$problem"
program=/run/farmwall/program.$$
# What was left by scripts that were killed.
set --
for old in /run/farmwall/input.* /run/farmwall/program.* /run/farmwall/work.* /run/farmwall/ours.* /run/farmwall/rest.* \
	/run/farmwall/list.*; do
	if [ -e "$old" ] && [ ! -e "/proc/${old##*.}" ]; then set -- "$@" "$old"; fi
done
[ $# -eq 0 ] || rm -f "$@"
exec 3<&0
cat >"$program" <<'END-OF-THE-PROGRAM'
