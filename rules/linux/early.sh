# What a manager that persists by itself needs so that a reboot is an undo all the same: a
# script that runs before it starts, and only while a change is under way.

# early WALL stages the unit that runs $etc/WALL.back before WALL's own; the record as it is
# now tells later whether the change was confirmed.
early() {
	true >"$etc/$1.record" || return 1
	[ ! -e "$var/record" ] || cp "$var/record" "$etc/$1.record" || return 1
	lines >"$systemd/farmwall-$1.service" <<-END || return 1
		; Written by farmwall for the time of a change.
		[Unit]
		Description=Take back a change of the firewall that was not confirmed
		DefaultDependencies=no
		RequiresMountsFor=/etc/farmwall /var/lib/farmwall
		After=local-fs.target
		Before=$1.service
		ConditionPathExists=/etc/farmwall/$1.back

		[Service]
		Type=oneshot
		ExecStart=/bin/sh /etc/farmwall/$1.back
	END
	chmod 644 "$systemd/farmwall-$1.service" && mkdir -p "$systemd/$1.service.wants" && chmod 755 "$systemd/$1.service.wants" &&
		ln -sf "$systemd/farmwall-$1.service" "$systemd/$1.service.wants/farmwall-$1.service" || return 1
	flush "$etc/$1".* "$etc" "$systemd/farmwall-$1.service" "$systemd" "$systemd/$1.service.wants"
}

# early_taken_back WALL says whether what WALL prepared for was never confirmed.
early_taken_back() {
	if [ -s "$etc/$1.record" ] || [ -e "$var/record" ]; then cmp -s "$etc/$1.record" "$var/record"; fi
}

# late WALL removes all that early and WALL have staged.
late() {
	if [ -e "$etc/$1.back" ] || [ -e "$systemd/farmwall-$1.service" ]; then
		remove "$systemd/$1.service.wants/farmwall-$1.service" "$systemd/farmwall-$1.service" "$etc/$1".*
		rmdir "$systemd/$1.service.wants" "$etc" 2>/dev/null
	fi
	return 0
}
