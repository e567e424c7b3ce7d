# Prints what is ours with firewalld, each line behind "O ", and what else of it decides,
# behind "R ". Variables: on, where firewalld runs; busctl, where that program is; files, what
# else decides.

function put(mine, line) { print (mine ? "O " : "R ") line }
function value(line, name) {
	return match(line, " " name "=\"[^\"]*\"") ? substr(line, RSTART + length(name) + 3, RLENGTH - length(name) - 4) : ""
}
function add(to, key, mark) { to[key] = (key in to) ? to[key] "," mark : mark }
function note(name) { if (name ~ /^[A-Za-z0-9_-]+$/ && !(name in at)) { at[name] = 1; zone[++zones] = name } }
# ordered sorts list[1..n], for what comes in another order each time.
function ordered(n,    i, j, l) {
	for (i = 2; i <= n; i++) {
		l = list[i]
		for (j = i - 1; j >= 1 && list[j] > l; j--) list[j + 1] = list[j]
		list[j + 1] = l
	}
}
function marks(file, word,    line, w, rule) {
	while ((getline line < file) > 0) {
		split(line, w, " ")
		rule = substr(line, length(w[1] w[2]) + 3)
		if (word == "kept") add(kept, w[1] SUBSEP rule, w[2])
		else add(ours, w[1] SUBSEP rule, w[2])
		note(w[1])
	}
}
# ways finds the zones that packets come in by, and what becomes of those that no rule knows.
function ways(    cmd, line, w, n, i, chain, last, into) {
	cmd = "nft -n list table inet firewalld 2>/dev/null || iptables-save -t filter 2>/dev/null"
	while ((cmd | getline line) > 0) {
		n = split(line, w, /[ \t]+/)
		if (line ~ /^\tchain /) chain = w[3]
		else if (chain ~ /^filter_INPUT_ZONES/ && line ~ /(goto|jump) filter_IN_/) into[substr(w[n], 11)] = 1
		else if (chain ~ /^filter_IN_/ && line ~ /^\t\t[a-z]/) last[substr(chain, 11)] = w[2]
		else if (line ~ /^-A INPUT_ZONES.* -g IN_/) into[substr(w[n], 4)] = 1
		else if (line ~ /^-A IN_/) last[substr(w[2], 4)] = w[3] == "-j" ? tolower(w[4]) : ""
	}
	n = 0
	for (line in into) list[++n] = line
	ordered(n)
	for (i = 1; i <= n; i++) { note(list[i]); put(0, "zone " list[i] " " (last[list[i]] == "accept" ? "open" : "closed")) }
}
function loaded(name,    cmd, line, n, i, w) {
	cmd = busctl == "" ? "firewall-cmd --zone=" name " --list-rich-rules" : busctl \
		" --auto-start=no call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1.zone getRichRules s " name
	n = 0
	while (((cmd " 2>/dev/null") | getline line) > 0) {
		if (busctl == "") { list[++n] = line; continue }
		if (!sub(/^as [0-9]+ "/, "", line)) continue
		sub(/"$/, "", line)
		n = split(line, list, /" "/)
		for (i = 1; i <= n; i++) gsub(/\\"/, "\"", list[i])
	}
	ordered(n)
	for (i = 1; i <= n; i++) {
		line = name SUBSEP list[i]
		if (line in ours) put(1, "loaded " name " " ours[line] " " list[i])
		else if (line in kept) put(1, "loaded " name " " kept[line] " " list[i])
		else put(0, "loaded " name " " list[i])
	}
}
# permanent puts a rule as firewalld writes it into a file into the words of its command.
function permanent(name,    line, raw, head, source, element, action, odd, inside, rule) {
	while ((getline line < ("/etc/firewalld/zones/" name ".xml")) > 0) {
		if (line ~ / <rule/) {
			inside = 1; odd = 0; raw = head = source = element = action = ""
			if (value(line, "priority") != "") head = " priority=\"" value(line, "priority") "\""
			if (value(line, "family") != "") head = head " family=\"" value(line, "family") "\""
		} else if (!inside) put(0, "permanent " name " " line)
		else if (line ~ /<source address="[^"]*" *\/>/) source = " source address=\"" value(line, "address") "\""
		else if (line ~ /<port /) element = element " port port=\"" value(line, "port") "\" protocol=\"" value(line, "protocol") "\""
		else if (line ~ /<protocol value=/) element = element " protocol value=\"" value(line, "value") "\""
		else if (line ~ /<accept *\/>/) action = action " accept"
		else if (line ~ /<drop *\/>/) action = action " drop"
		else if (line !~ /<\/rule>/) odd = 1
		if (inside) raw = raw (raw == "" ? "" : "\nR ") "permanent " name " " line
		if (line ~ /<\/rule>/) {
			inside = 0
			rule = "rule" head source element action
			if (!odd && (name SUBSEP rule) in kept) put(1, "permanent " name " " kept[name, rule] " " rule)
			else {
				put(0, raw)
				if (!odd) put(0, "covers " name " " rule)
			}
		}
	}
}
BEGIN {
	marks("/run/farmwall/marks", "loaded")
	marks("/etc/farmwall/marks", "kept")
	if (on) ways()
	for (z = 1; z <= zones; z++) {
		if (on) loaded(zone[z])
		permanent(zone[z])
	}
	n = split(files, file, " ")
	for (z = 1; z <= n; z++) while ((getline line < file[z]) > 0) {
		if (file[z] ~ /__init__.py$/) { if (line ~ /^VERSION *=/) put(0, "version " line) }
		else if (line !~ /^[ \t]*(#|$)/) put(0, file[z] " " line)
	}
	put(0, "end")
}
