# Makes one iptables-restore text for each table out of a copy (first file) and what
# the host has now (second file: each save after a line "save FAMILY BACKEND", then a
# line "# end").
# mode "keep": no chain is deleted, so that an undo finds all in its old order.
# mode "full": what the copy does not have is deleted.
# The first line of the answer names the texts: BACKEND FAMILY FIRST-LINE LAST-LINE ...
# Exit status: 0; 10 where the answer names a place or a rule of a foreign chain; 11
# where there is nothing to delete and nothing missing. Anything else is a failure.

function own(chain) { return substr(chain, 1, 9) == "FARMWALL-" }
function put(line) { out[++lines] = line }
# words takes the quotes off a rule: text with blanks or escapes becomes a blank word, so
# that nothing within quotes can pose as an option.
function words(text,    done, quoted) {
	done = ""
	while (match(text, /"([^"\\]|\\.)*"/)) {
		quoted = substr(text, RSTART + 1, RLENGTH - 2)
		done = done substr(text, 1, RSTART - 1) (quoted ~ /[ \t\\]/ ? "\"\"" : quoted)
		text = substr(text, RSTART + RLENGTH)
	}
	return done text
}
# open says whether a quote is open at the end of a line.
function open(text) {
	gsub(/\\./, "", text)
	return gsub(/"/, "", text) % 2
}
function table(backend, family, name) {
	key = backend " " family " " name
	if (!(key in tables)) { tables[key] = 1; order[++ntables] = key }
}
# chain notes a chain of ours; side is "want" or "live".
function chain(side, name) {
	list[side, key, ++count[side, key]] = name
	seen[side, key, name] = 1
}
# jump notes a rule of ours in a foreign chain, with its place among the rules.
function jump(side, name, at, text,    n) {
	n = ++jumps[side, key, name]
	place[side, key, name, n] = at
	rule[side, key, name, n] = text
	if (!((key, name) in hooked)) { hooked[key, name] = 1; hooks[key, ++nhooks[key]] = name }
}

FNR == 1 { part++ }

part == 1 && !mine { if ($0 == "farmwall copy 1 iptables") mine = 1; next }
part == 1 && ended { next }
part == 1 && $0 == "end" { ended = 1; next }
part == 1 && $1 == "place" { table($2, $3, $4); next }
part == 1 && $1 == "jump" {
	text = $0
	sub(/^jump [^ ]+ [^ ]+ /, "", text)
	jump("want", $2, $3, text)
	next
}
part == 1 && /^:/ { chain("want", substr($0, 2)); next }
part == 1 { body[key, ++nbody[key]] = $0; next }

part == 2 && inside { inside = open("\"" $0); next }
part == 2 && $0 == "# end" { whole = 1; next }
part == 2 && /^save / { family = $2; backend = $3; next }
# What nft wrote into a table of that name is not of iptables.
part == 2 && /^# Table .[a-z]+. .*incompatible/ { odd[backend, family, substr($3, 2, length($3) - 2)] = 1; next }
part == 2 && /^\*/ {
	odd_table = (backend, family, substr($0, 2)) in odd
	if (!odd_table) table(backend, family, substr($0, 2))
	next
}
part == 2 && /^-A / && odd_table { inside = open($0); next }
part == 2 && odd_table { next }
part == 2 && /^:/ {
	name = substr($1, 2)
	exists[key, name] = 1
	if (own(name)) chain("live", name)
	next
}
part == 2 && /^-A / {
	inside = open($0)
	name = $2
	if (own(name)) next
	at = rules[key, name]++
	if ($0 !~ /FARMWALL-|farmwall:/) next
	text = words($0)
	if (text ~ / -[jg] FARMWALL-/ || text ~ / --comment farmwall:[^ ]*( |$)/) {
		text = $0
		sub(/^-A [^ ]+ /, "", text)
		jump("live", name, at, text)
	}
}

# hang puts the jumps of a foreign chain to where the copy has them.
function hang(name,    i, w, l, same, at, left) {
	w = jumps["want", key, name] + 0
	l = jumps["live", key, name] + 0
	if (!((key, name) in exists) && name !~ /^(INPUT|OUTPUT)$/) return
	same = w == l
	for (i = 1; same && i <= w; i++)
		same = place["want", key, name, i] == place["live", key, name, i] &&
			words(rule["want", key, name, i]) == words(rule["live", key, name, i])
	if (same) return
	differs = 1
	for (i = 1; i <= l; i++) { put("-D " name " " rule["live", key, name, i]); moves = 1 }
	left = rules[key, name] - l
	for (i = 1; i <= w; i++) {
		at = place["want", key, name, i] + 1
		if (at > left + i) at = left + i
		if (at > 1) moves = 1
		put("-I " name " " at " " rule["want", key, name, i])
	}
}

END {
	if (!ended || !whole || inside) exit 3
	put("")
	for (t = 1; t <= ntables; t++) {
		key = order[t]
		w = count["want", key] + 0; l = count["live", key] + 0
		if (w + l + nhooks[key] == 0) continue
		split(key, word, " ")
		first = lines + 1
		put("*" word[3])
		for (i = 1; i <= w; i++) {
			name = list["want", key, i]
			if (!(("live", key, name) in seen)) differs = 1
			put(":" name " - [0:0]")
		}
		gone = 0
		for (i = 1; i <= l; i++) {
			name = list["live", key, i]
			if (("want", key, name) in seen) continue
			put(":" name " - [0:0]")
			dead[++gone] = name
		}
		for (i = 1; i <= nbody[key]; i++) put(body[key, i])
		for (i = 1; i <= nhooks[key]; i++) hang(hooks[key, i])
		for (i = 1; mode == "full" && i <= gone; i++) { put("-X " dead[i]); differs = 1 }
		put("COMMIT")
		out[1] = out[1] word[1] " " word[2] " " first " " lines " "
	}
	for (i = 1; i <= lines; i++) print out[i]
	if (moves) exit 10
	if (mode == "full" && !differs) exit 11
}
