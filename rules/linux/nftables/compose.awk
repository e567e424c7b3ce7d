# Makes one nft transaction out of the section of a copy for nftables (first file) and what the host has now
# (second file: nft -a -s -n list ruleset, then a line "# end").
# mode "keep": nothing empty is deleted, so that an undo finds all in its old
# order. mode "full": what the copy does not have is deleted.
# work: the file that the answer goes into; it is filled up to the size that it has.
# Exit status: 0; 10 where the answer names a handle; 11 where there is nothing to
# delete and nothing missing. Anything else is a failure.

function clean(name) { return name ~ /^[A-Za-z_.][A-Za-z0-9_.\/-]*$/ }
function ours(kind, name) {
	if (kind == "chain") return name ~ /^farmwall_(in|out)$/
	if (kind == "set") return name ~ /^farmwall_/
	return 0
}
function own(table) { return table == "inet farmwall" }
function group(kind) { return kind == "map" ? "set" : kind }
function put(line) { out = out line "\n" }

# begin notes an object of a table; side is "want" or "live".
function begin(side, table, kind, name,    g, key) {
	g = group(kind)
	key = side SUBSEP table SUBSEP g
	list[key, ++count[key]] = name
	seen[key, name] = kind
	object = key SUBSEP name
	if (!((table, g) in grouped)) { grouped[table, g] = 1; groups[table] = groups[table] g ";" }
}
# header adds a line that tells what an object is, without what it holds.
function header(line) {
	sub(/^[\t ]+/, "", line)
	sub(/ +# .*$/, "", line)
	sub(/ *policy [a-z]+;/, "", line)
	sub(/priority filter;/, "priority 0;", line)
	head[object] = head[object] line "\n"
}
# inside reads one line of a table: the same for copy and host.
function inside(side, line,    n, word, kind, name) {
	if (line ~ /^\t[a-z].* \{$/) {
		n = split(line, word, /[\t ]+/)
		kind = word[2]; name = word[n - 1]
		chain = ""; elements = 0; object = ""
		if (kind == "chain") chain = name
		if (n == 5) kind = word[2] " " word[3] # "ct helper NAME {"
		if (side == "live") exists[table, kind, name] = 1
		if (side == "want" || own(table) || ours(kind, name)) begin(side, table, kind, name)
	} else if (line == "\t}") {
		chain = ""; object = ""; elements = 0
	} else if (line ~ /^\t[^\t]/) {
		if (line ~ /^\tflags /) flags[side, table] = flags[side, table] line
	} else if (line ~ /^\t\t/) {
		if (chain != "") {
			if (line ~ /^\t\ttype [a-z]+ hook /) { if (object != "") header(line) }
			else return 1
		} else if (object != "") {
			if (line ~ /^\t\telements = /) elements = 1
			if (!elements) header(line)
			if (elements && line ~ /\}$/) elements = 0
		}
	}
	return 0
}

BEGIN { while ((getline text < work) > 0) room += length(text) + 1 }

FNR == 1 { part++; table = "" }

part == 1 && /^farmwall copy / { section = $0 == "farmwall copy 1 nftables"; table = ""; next }
part == 1 && !section { next }
part == 1 && $0 == "end" { ended = 1; section = 0; table = ""; next }
part == 1 && /^place / {
	table = $2 " " $3
	wanted[table] = 1
	places[++nplaces] = table
	next
}
part == 1 && /^jump / {
	key = $2 " " $3 " " $4
	n = ++wjumps[key]
	windex[key, n] = $5
	sub(/^jump [^ ]+ [^ ]+ [^ ]+ [^ ]+ /, "")
	wtext[key, n] = $0
	if (!(key in chains)) { chains[key] = 1; order[++nchains] = key }
	next
}
part == 1 {
	body[table] = body[table] $0 "\n"
	if ($0 !~ /^(table |\}$)/) inside("want", $0)
	next
}

part == 2 && $0 == "# end" { whole = 1; next }
part == 2 {
	handle = ""
	if (match($0, / # handle [0-9]+$/)) {
		handle = substr($0, RSTART + 10)
		$0 = substr($0, 1, RSTART - 1)
	}
	if ($0 ~ /^table /) {
		table = $2 " " $3
		live[table] = 1
		tables[++ntables] = table
	} else if ($0 == "}") {
		table = ""
	} else if (inside("live", $0) && handle != "" && object == "") {
		key = table " " chain
		text = $0
		sub(/^\t+/, "", text)
		at = rules[key]++
		if (text ~ / comment "farmwall:[^"]*"$/) {
			n = ++ljumps[key]
			lindex[key, n] = at; ltext[key, n] = text; lhandle[key, n] = handle
			if (!(key in chains)) { chains[key] = 1; order[++nchains] = key }
		} else {
			foreign[key, ++nforeign[key]] = handle
		}
	}
	next
}

# remake says whether a group of objects of a table must be made anew: one is
# another thing than wanted, or their order would not come out as wanted.
function remake(table, g,    l, w, i, p, name) {
	l = "live" SUBSEP table SUBSEP g
	w = "want" SUBSEP table SUBSEP g
	for (i = 1; i <= count[l]; i++) {
		name = list[l, i]
		if (!((w, name) in seen)) continue
		if (seen[l, name] != seen[w, name] || head[l, name] != head[w, name]) return 1
		if (mode == "full" && list[w, ++p] != name) return 1
	}
	return 0
}
# leave deletes or empties what the table has of ours; chains are empty already.
function leave(table,    i, j, n, g, kinds, l, w, name, kind, again) {
	n = split(groups[table], kinds, ";") - 1
	# chains first: they hold the references to sets
	for (j = 0; j <= n; j++) {
		g = j == 0 ? "chain" : kinds[j]
		if (j > 0 && g == "chain") continue
		l = "live" SUBSEP table SUBSEP g
		w = "want" SUBSEP table SUBSEP g
		again = (g == "chain" || g == "set") && remake(table, g)
		if (again && g == "chain") force[table] = 1
		for (i = 1; i <= count[l]; i++) {
			name = list[l, i]; kind = seen[l, name]
			if (!clean(name)) continue
			if (again || (mode == "full" && !((w, name) in seen))) {
				later[table] = later[table] "delete " kind " " table " " name "\n"
				differs = 1
			}
			else if (g == "set" && (w, name) in seen) later[table] = later[table] "flush " kind " " table " " name "\n"
		}
	}
}
# missing says whether the host lacks something that the copy has.
function missing(table,    j, n, g, kinds, i, w) {
	n = split(groups[table], kinds, ";") - 1
	for (j = 1; j <= n; j++) {
		g = kinds[j]
		w = "want" SUBSEP table SUBSEP g
		for (i = 1; i <= count[w]; i++) if (!(("live" SUBSEP table SUBSEP g, list[w, i]) in seen)) return 1
	}
	return 0
}
function hang(key,    i, same, word, t, top) {
	split(key, word, " ")
	t = word[1] " " word[2]
	if (!clean(word[2]) || !clean(word[3])) return
	same = wjumps[key] + 0 == ljumps[key] + 0 && !force[t]
	for (i = 1; same && i <= wjumps[key]; i++)
		same = windex[key, i] == lindex[key, i] && wtext[key, i] == ltext[key, i]
	if (same) return
	differs = 1
	for (i = 1; i <= ljumps[key]; i++) { put("delete rule " key " handle " lhandle[key, i]); handles = 1 }
	if (!((t, "chain", word[3]) in exists)) return
	for (i = 1; i <= wjumps[key]; i++) {
		at = windex[key, i] - (i - 1)
		if (at <= 0 && nforeign[key] > 0) top = "insert rule " key " " wtext[key, i] "\n" top
		else if (at < nforeign[key]) {
			insert = insert "insert rule " key " position " foreign[key, at + 1] " " wtext[key, i] "\n"
			handles = 1
		} else insert = insert "add rule " key " " wtext[key, i] "\n"
	}
	insert = insert top
}

END {
	if (!ended || !whole) exit 3
	for (i = 1; i <= ntables; i++) {
		table = tables[i]
		if (own(table) && (mode == "full" && !(table in wanted) || (table in wanted) && flags["live", table] != flags["want", table])) {
			put("delete table " table)
			differs = 1
			continue
		}
		key = "live" SUBSEP table SUBSEP "chain"
		for (j = 1; j <= count[key]; j++) if (clean(list[key, j])) put("flush chain " table " " list[key, j])
		leave(table)
	}
	for (i = 1; i <= nchains; i++) hang(order[i])
	for (i = 1; i <= ntables; i++) out = out later[tables[i]]
	for (i = 1; i <= nplaces; i++) {
		table = places[i]
		if (missing(table)) differs = 1
		if (!own(table)) {
			if (!(table in live)) continue
			# fails where the table has gone meanwhile, instead of making it
			key = "want" SUBSEP table SUBSEP "chain"
			for (j = 1; j <= count[key]; j++) put("add chain " table " " list[key, j])
		}
		out = out body[table]
	}
	out = out insert
	printf "%s", out
	for (pad = "#"; length(pad) < 1023; ) pad = pad "#"
	for (n = room - length(out); n >= 1024; n -= 1024) print pad
	if (n > 0) printf "%s\n", substr(pad, 1, n - 1)
	if (handles) exit 10
	if (mode == "full" && !differs) exit 11
}
