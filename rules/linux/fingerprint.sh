# Shell functions that observe.sh and change.sh share. They want LC_ALL=C and a PATH
# with the system's folders.

FARMWALL_KEPT=/etc/farmwall/nftables.copy

# init_system sets init to what starts services here, empty where nothing does.
init_system() {
	init=
	if [ -d /run/systemd/system ]; then
		init=systemd
	elif [ -d /run/openrc ] && [ -d /etc/runlevels/default ]; then
		init=openrc
	elif [ -d /etc/init.d ]; then
		for rc in /etc/rc2.d /etc/rc3.d /etc/rc.d/rc3.d; do
			[ -d "$rc" ] && init=sysvinit
		done
	fi
}

# unit_state sets unit to "enabled" where something of ours is started at boot, by
# the files alone: asking systemd costs more than the whole reading.
unit_state() {
	unit=disabled
	case $init in
	systemd) set -- /etc/systemd/system/*.wants/farmwall.service ;;
	openrc) set -- /etc/runlevels/default/farmwall ;;
	sysvinit) set -- /etc/rc[2345].d/S*farmwall /etc/rc.d/rc[2345].d/S*farmwall ;;
	*) return ;;
	esac
	for file; do
		if [ -L "$file" ] || [ -e "$file" ]; then unit=enabled; fi
	done
}

# legacy_tables sets legacy to the legacy xtables that exist, "ip filter,ip6 nat".
legacy_tables() {
	legacy=
	for family in ip ip6; do
		[ -r "/proc/net/${family}_tables_names" ] || continue
		while read -r name; do
			legacy="$legacy${legacy:+,}$family $name"
		done <"/proc/net/${family}_tables_names"
	done
}

# kept_copy sets kept to the persistent copy; it fails where there is none. In the
# variable the shell may leave bytes out; it leaves the same ones out every time.
kept_copy() {
	[ -f "$FARMWALL_KEPT" ] || return 1
	kept=$(cat "$FARMWALL_KEPT" && echo .)
	kept=${kept%.}
}
