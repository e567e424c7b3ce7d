# Shell functions that observe.sh and change.sh share. They want LC_ALL=C and a PATH
# with the system's folders.

FARMWALL_KEPT=/etc/farmwall/copy

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

# iptables_saves LISTING calls take_save FAMILY BACKEND TEXT for every back end of
# iptables that has tables, and sets covered to the tables of nft's listing that a save
# shows, ",ip filter,ip6 nat,". It fails where one cannot be read. legacy is set.
iptables_saves() {
	covered=,
	for family in ip ip6; do
		case ",$legacy" in *",$family "*) iptables_save "$family" legacy || return 1 ;; esac
		case $1 in
		*"table $family filter {"* | *"table $family nat {"* | *"table $family mangle {"* | *"table $family raw {"* | \
			*"table $family security {"*) iptables_save "$family" nft || return 1 ;;
		esac
	done
}

iptables_save() { # FAMILY BACKEND
	tool=iptables
	[ "$1" = ip ] || tool=ip6tables
	if command -v "$tool-$2-save" >/dev/null; then
		tool=$tool-$2-save
	else
		# Before both back ends had names of their own there was one.
		command -v "$tool-save" >/dev/null || return 0
		case $("$tool-save" --version 2>/dev/null) in
		*nf_tables*) [ "$2" = nft ] || return 0 ;;
		*) [ "$2" = legacy ] || return 0 ;;
		esac
		tool=$tool-save
	fi
	save=$("$tool" 2>/dev/null) || return 1
	take_save "$1" "$2" "$save"
	[ "$2" = nft ] || return 0
	for table in filter nat mangle raw security; do
		case "
$save
" in
		*'# Table '?"$table'"*) ;; # nft made it, or a part of it, and iptables does not show that
		*"
*$table
"*) covered="$covered$1 $table," ;;
		esac
	done
}
