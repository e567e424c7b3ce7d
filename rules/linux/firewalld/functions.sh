# firewalld: rich rules in the zones that packets come in by, loaded and permanent, by the
# interface that firewall-cmd itself speaks: one process for a whole step. firewalld is never
# reloaded. Rich rules hold no comment, so files tell which are ours: /run/farmwall/marks of
# those that are loaded, /etc/farmwall/marks of the permanent ones.

managers="${managers-} firewalld"
firewalld_units=''

# Python has the interpreter that firewalld's own program names.
firewalld_run() { # VERB COPY
	command -v firewall-cmd >/dev/null || {
		echo 'firewall-cmd is missing' >&2
		return 1
	}
	read -r python <"$(command -v firewall-cmd)"
	python=${python#??}
	"${python%% *}" -Ic "$firewalld_py" "$1" "$2" "$run" "$etc"
}

firewalld_test() { firewalld_run test "$1"; } # COPY MODE WORK

firewalld_load() { # COPY MODE WORK
	firewalld_run load "$1"
	case $? in 0 | 11) ;; *) return 1 ;; esac
}

firewalld_load_tested() { [ "$4" = 11 ] || firewalld_load "$1"; }

firewalld_empty() { # COPY
	! $awk '/^farmwall copy 1 firewalld$/ { inside = 1; next } /^end$/ { inside = 0 } inside { found = 1 } END { exit !found }' "$1"
}

# firewalld_keep writes the permanent rules. A reboot before the change is confirmed would
# make them true, so a script that runs before firewalld puts its files back.
firewalld_keep() { # COPY WORK
	folders "$etc" && lines >"$etc/firewalld.back" <<-'END' && early firewalld || return 1
		cd /etc/farmwall || exit 1
		if { [ ! -s firewalld.record ] && [ ! -e /var/lib/farmwall/record ]; } || cmp -s firewalld.record /var/lib/farmwall/record; then
			for saved in firewalld.zone.*; do
				[ -e "$saved" ] || continue
				file=/etc/firewalld/zones/${saved#firewalld.zone.}.xml
				if [ -s "$saved" ]; then
					chmod 644 "$saved"
					mv -f "$saved" "$file"
				else
					rm -f "$file"
				fi
			done
			sync
			rm -f firewalld.* /etc/systemd/system/firewalld.service.wants/farmwall-firewalld.service
		fi
	END
	firewalld_run keep "$1"
}

# firewalld_kept: what is permanent is what was confirmed.
firewalld_kept() {
	if [ -e "$etc/firewalld.marks" ]; then
		if [ -s "$etc/firewalld.marks" ]; then mv -f "$etc/firewalld.marks" "$etc/marks"; else remove "$etc/firewalld.marks" "$etc/marks"; fi
		flush "$etc"
	fi
	late firewalld
}

# firewalld_unkeep takes the permanent rules back, unless they were confirmed after all.
firewalld_unkeep() {
	token
	[ "$token" != confirming ] || return 0
	if [ ! -e "$etc/firewalld.back" ]; then
		late firewalld
	elif early_taken_back firewalld; then
		firewalld_run unkeep "$token" || return 1
		late firewalld
	else
		firewalld_kept
	fi
}
