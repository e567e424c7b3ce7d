# What loads the persistent copy at boot: our own service, and where systemd starts
# services also a drop-in of each manager's unit, so that a restart or reload of the
# manager brings our rules back. No file of the distribution is touched.

systemd=/etc/systemd/system

# lines prints what it reads: a here-document without a process.
lines() { while IFS= read -r line; do printf '%s\n' "$line" || return 1; done; }

# stage_units writes beside the copy what place_units renames.
stage_units() {
	case $init in
	systemd)
		lines >"$etc/unit.new" <<-'END' || return 1
			[Unit]
			Description=Load the firewall rules that farmwall keeps for this host
			After=local-fs.target nftables.service iptables.service ip6tables.service
			After=netfilter-persistent.service ufw.service firewalld.service

			[Service]
			Type=oneshot
			RemainAfterExit=yes
			ExecStart=/bin/sh /etc/farmwall/load
			ExecReload=/bin/sh /etc/farmwall/load

			[Install]
			WantedBy=multi-user.target
		END
		for unit_name in $units; do
			lines >"$etc/dropin.$unit_name.new" <<-'END' || return 1
				# Written by farmwall: its rules come back after this unit's own.
				[Service]
				ExecStartPost=-/bin/sh /etc/farmwall/load
				ExecReload=-/bin/sh /etc/farmwall/load
			END
		done
		;;
	openrc)
		lines >"$etc/unit.new" <<-'END' || return 1
			#!/sbin/openrc-run
			description="Load the firewall rules that farmwall keeps for this host"

			depend() {
				need localmount
				after nftables iptables ip6tables ufw firewalld
			}

			start() {
				ebegin "Loading the rules of farmwall"
				/bin/sh /etc/farmwall/load
				eend $?
			}
		END
		;;
	sysvinit)
		lines >"$etc/unit.new" <<-'END' || return 1
			#!/bin/sh
			### BEGIN INIT INFO
			# Provides:          farmwall
			# Required-Start:    $local_fs
			# Required-Stop:
			# Should-Start:      nftables iptables netfilter-persistent ufw firewalld $network
			# Default-Start:     2 3 4 5
			# Default-Stop:
			# Short-Description: Load the firewall rules that farmwall keeps for this host
			### END INIT INFO
			case $1 in
			start | restart | reload | force-reload) exec /bin/sh /etc/farmwall/load ;;
			stop | status) exit 0 ;;
			*)
				echo "usage: $0 start|stop|restart|reload|force-reload|status" >&2
				exit 3
				;;
			esac
		END
		;;
	esac
}

# same FILE FILE says whether both are there and equal.
same() { [ -f "$1" ] && [ -f "$2" ] && [ "$(cat "$1")" = "$(cat "$2")" ]; }

# settle_file STAGED PLACE MODE renames a staged file into place where it differs.
settle_file() {
	[ -e "$1" ] || return 0
	if same "$1" "$2"; then
		rm -f "$1"
		return 0
	fi
	chmod "$3" "$1" && mv -f "$1" "$2" && changed="$changed ${2%/*}"
}

# link PLACE TARGET makes a symbolic link where there is none yet.
link() {
	[ -L "$1" ] && return 0
	ln -s "$2" "$1" && changed="$changed ${1%/*}"
}

# place_units puts the service into place and enables it.
place_units() {
	changed=$etc # folders in which something did
	enable_units || return 1
	# shellcheck disable=SC2086 # none has a blank in its name
	flush $changed
	# At boot systemd reads them anyway.
	[ "$changed" = "$etc" ] || [ "$init" != systemd ] || systemctl daemon-reload || note 'systemctl daemon-reload failed'
}

enable_units() {
	case $init in
	systemd)
		for unit_name in $units; do
			mkdir -p "$systemd/$unit_name.d" &&
				settle_file "$etc/dropin.$unit_name.new" "$systemd/$unit_name.d/farmwall.conf" 644 || return 1
		done
		settle_file "$etc/unit.new" "$systemd/farmwall.service" 644 || return 1
		mkdir -p "$systemd/multi-user.target.wants" &&
			link "$systemd/multi-user.target.wants/farmwall.service" "$systemd/farmwall.service"
		;;
	openrc)
		settle_file "$etc/unit.new" /etc/init.d/farmwall 755 &&
			link /etc/runlevels/default/farmwall /etc/init.d/farmwall
		;;
	sysvinit)
		settle_file "$etc/unit.new" /etc/init.d/farmwall 755 || return 1
		unit_state
		[ "$unit" = enabled ] && return 0
		# With insserv the order comes from the header of the script.
		if [ -e /etc/insserv.conf ] && command -v update-rc.d >/dev/null; then
			update-rc.d farmwall defaults >/dev/null 2>&1
			unit_state
			[ "$unit" = enabled ] && return 0
		fi
		for level in /etc/rc[2345].d /etc/rc.d/rc[2345].d; do
			[ -d "$level" ] || continue
			link "$level/S98farmwall" /etc/init.d/farmwall || return 1
		done
		;;
	esac
}

# remove_units takes the service away, whatever started services when it was put there.
remove_units() {
	changed=''
	for gone in "$systemd/multi-user.target.wants/farmwall.service" "$systemd/farmwall.service" \
		/etc/runlevels/default/farmwall /etc/rc[0-6S].d/[SK]??farmwall /etc/rc.d/rc[0-6S].d/[SK]??farmwall \
		/etc/init.d/farmwall; do
		if [ -e "$gone" ] || [ -L "$gone" ]; then
			rm -f "$gone" && changed=1
			flush "${gone%/*}"
		fi
	done
	units_of "$managers"
	for unit_name in $units; do
		if [ -e "$systemd/$unit_name.d/farmwall.conf" ]; then
			rm -f "$systemd/$unit_name.d/farmwall.conf" && changed=1
			rmdir "$systemd/$unit_name.d" 2>/dev/null || flush "$systemd/$unit_name.d"
		fi
	done
	if [ -n "$changed" ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload || note 'systemctl daemon-reload failed'
	fi
}
