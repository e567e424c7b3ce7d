# Reads nft -a -s -n list ruleset, then a line "# end", and writes the two byte streams that the fingerprints
# are taken over into the files ours and rest:
#   ours  our table, our chains and sets in foreign tables, our rules in foreign
#         chains with their place, whether the kept copy is loaded at boot; the
#         copy itself follows from elsewhere
#   rest  what else decides about traffic from and to this host
# streams.go makes the same bytes of the same text.
#
# Variables: ours and rest, the files; unit; legacy, the names of the legacy tables;
# covered, ",ip filter,ip6 nat,": tables that a save of iptables shows, left out here.
# On the way a change has its data, the file input, cut into its two copies: head
# lines into the file target, what follows into undo; and space for all that an undo
# may have to write filled into the file reserve.
#
# Lines are told apart by their indent and first words, and a comment of ours by the
# end of its line, so that quotes and braces within texts cannot mislead.

BEGIN {
	if (input != "") cut()
}

function cut(    i, text, size, block) {
	for (i = 1; (getline text < input) > 0; i++) {
		print text > (i <= head ? target : undo)
		size += (length(text) + 1) * (i <= head ? 1 : 2)
	}
	if (i <= head + 1 || close(target) != 0 || close(undo) != 0) failed = 1
	# Lines that remove what the target adds are never longer than the target.
	block = "#"
	while (length(block) < 1023) block = block "#"
	for (i = int(size * 2 / 1024) + 64; i > 0; i--) print block > reserve
	if (close(reserve) != 0) failed = 1
}

{ sub(/ # handle [0-9]+$/, "") }

/^table [^ ]+ [^ ]+ [{]/ {
	table = $2 " " $3
	whole = (table == "inet farmwall")
	block = ""
	if (index(covered, "," table ",")) table = ""
	if (whole) own[++n] = "table " table " {"
	next
}

/^}/ {
	if (whole || (table in opened)) own[++n] = "}"
	table = ""
	whole = 0
	next
}

# The last line of a listing, which nft never prints.
$0 == "# end" {
	ended = 1
	next
}

table == "" { next }

# A block of a table: chain, set, map, and objects, which decide nothing by themselves.
/^\t[^\t ]+ [^ ]+ [{]/ {
	kind = $1
	block = $2
	place = 0
	listing = 0
	mine = whole || (kind == "chain" && (block == "farmwall_in" || block == "farmwall_out")) ||
		(kind == "set" && block ~ /^farmwall_/)
	if (mine) {
		if (!whole && !(table in opened)) {
			opened[table] = 1
			own[++n] = "table " table " {"
		}
		own[++n] = $0
	}
	key = table SUBSEP (kind == "chain" ? "chain" : "set") SUBSEP block
	if (kind == "chain" || kind == "set" || kind == "map") known[key] = kind
	next
}

/^\t}/ {
	if (mine) own[++n] = $0
	block = ""
	mine = 0
	next
}

block == "" {
	if (whole) own[++n] = $0
	if ($1 == "flags") flags[table] = $0
	next
}

mine {
	own[++n] = $0
	next
}

kind == "chain" {
	if (place == 0 && $1 == "type" && $3 == "hook") {
		line[key, ++lines[key]] = $0
		if ($4 == "ingress" || $4 == "prerouting" || $4 == "input" || $4 == "output" || $4 == "egress")
			reach(key)
		next
	}
	if (place == 0 && $1 == "comment") next
	if ($0 ~ / comment "farmwall:[^"]*"$/) {
		text = $0
		sub(/^\t+/, "", text)
		jump[++jumps] = "jump " table " " block " " place " " text
	} else line[key, ++lines[key]] = $0
	place++
	next
}

# Elements come and go by themselves and are no part of the rest, but those of a
# verdict map say where a packet goes.
kind == "set" || kind == "map" {
	if ($1 == "type" || $1 == "typeof") {
		verdicts = (kind == "map" && $0 ~ / : verdict$/)
		line[key, ++lines[key]] = $0
	} else if ($1 == "elements" || listing) {
		listing = 1
		if (verdicts) {
			text = $0
			gsub(/ expires [0-9a-z]+/, "", text)
			line[key, ++lines[key]] = text
		}
	}
	next
}

function reach(k) {
	if (k in reached) return
	reached[k] = 1
	queue[++queued] = k
}

# Reaches what a line calls: chains by jump and goto, sets and maps by @.
function follow(t, text,    words, many, i, w) {
	many = split(text, words, " ")
	for (i = 1; i <= many; i++) {
		w = words[i]
		gsub(/[,;}]/, "", w)
		if ((w == "jump" || w == "goto") && i < many) {
			w = words[i + 1]
			gsub(/[,;}]/, "", w)
			w = t SUBSEP "chain" SUBSEP w
		} else if (substr(w, 1, 1) == "@") w = t SUBSEP "set" SUBSEP substr(w, 2)
		else continue
		if (w in known) reach(w)
	}
}

END {
	for (i = 1; i <= n; i++) print own[i] > ours
	for (i = 1; i <= jumps; i++) print jump[i] > ours
	print ("unit " unit) > ours

	print ("legacy " legacy) > rest
	for (q = 1; q <= queued; q++) {
		key = queue[q]
		split(key, part, SUBSEP)
		if (!(part[1] in shown)) {
			shown[part[1]] = 1
			print ("table " part[1] flags[part[1]]) > rest
		}
		print (part[1] " " known[key] " " part[3]) > rest
		for (i = 1; i <= lines[key]; i++) {
			print line[key, i] > rest
			follow(part[1], line[key, i])
		}
	}
	if (close(ours) != 0 || close(rest) != 0 || failed || !ended) exit 1
}
