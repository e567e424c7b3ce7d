# firewalld: what is ours in the zones that it has loaded and in those that it will load,
# and what else of it decides.

readers="${readers-} firewalld"

# firewalld_here asks for all of it at once. busctl starts in a fifteenth of firewall-cmd's time.
firewalld_here() {
	firewalld_on=
	if [ -e /run/firewalld.pid ] || [ -L /run/systemd/units/invocation:firewalld.service ]; then
		firewalld_on=1
	elif [ ! -s /etc/farmwall/marks ]; then
		return 1
	fi
	set --
	for file in /etc/firewalld/firewalld.conf /etc/firewalld/direct.xml /etc/firewalld/policies/*.xml \
		/usr/lib/python3*/*-packages/firewall/config/__init__.py; do
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
	firewalld_all=$(awk -v on="$firewalld_on" -v busctl="$(command -v busctl)" -v files="$*" "$firewalld_reads" 2>/dev/null)
}

firewalld_ours() { printf '%s\n' "$firewalld_all" | sed -n 's/^O //p'; }
firewalld_rest() { printf '%s\n' "$firewalld_all" | sed -n 's/^R //p'; }
