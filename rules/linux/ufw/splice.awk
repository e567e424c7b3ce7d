# Makes one of the two rule files of ufw, and the chains that it is loaded into, hold of
# ours what a copy says, and leaves everything else of them as it is.
# Variables: v, "" or "6"; copy; kept, the persistent one; rules, the file; fresh, where the new file goes;
# save, the command that prints what is loaded, empty where nothing is or may be.
# Writes what iptables-restore has to do to standard output.
# Exit status: 20, and 1 more where the file differs, 2 more where the chains do.

# key is a rule without the ways to write it: the same for a line of the file and for a line
# of iptables-save.
function key(text,    n, w, i, at, out, not) {
	sub(/ --reject-with icmp6?-port-unreachable$/, "", text)
	n = split(text, w, / +/)
	split("", at)
	out = w[2]; not = ""
	for (i = 3; i <= n; i++) {
		if (w[i] == "-m" && w[i + 1] ~ /^(tcp|udp|multiport)$/) { i++; continue }
		if (w[i] == "!") { not = "!"; continue }
		if (w[i] ~ /^(-s|-d|-i|-o|-p|--dport|--dports|--sport|--sports)$/) {
			if (w[i] != "-s") sub(/s$/, "", w[i])
			if (w[i] == "-p" && w[i + 1] == "112") w[i + 1] = "vrrp"
			sub(v == "" ? "/32$" : "/128$", "", w[i + 1])
			at[w[i]] = not w[i + 1]
			i++; not = ""
		} else out = out " " not w[i]
	}
	return out " s" at["-s"] " d" at["-d"] " i" at["-i"] " o" at["-o"] " p" at["-p"] " " at["--dport"] " " at["--sport"]
}
function chain(text,    w) { split(text, w, / +/); return w[2] }
function block(tuple, body) { return "\n" tuple "\n" body }

# lay adds the rules of a block to the sequences of their chains.
function lay(body, mine,    n, l, i, c) {
	n = split(body, l, "\n")
	for (i = 1; i <= n; i++) {
		c = chain(l[i])
		if (!(c in loaded)) continue
		seq[c, ++nseq[c]] = key(l[i])
		spec[c, nseq[c]] = l[i]
		own[c, nseq[c]] = mine
		if (!mine) foreign[c, key(l[i])]++
	}
}
function drop(body,    n, l, i) {
	n = split(body, l, "\n")
	for (i = 1; i <= n; i++) if (l[i] != "") { old[key(l[i])] = l[i] }
}

# hang brings a chain of the kernel into the order of the file.
function hang(c,    i, j, k, n, r, q, rest, left, at, del, ins, mark, size) {
	split("", left); split("", at)
	for (i = 1; i <= nlive[c]; i++) if (live[c, i] in old) left[live[c, i]]++
	# Of equal rules the first one goes: that is what -D does.
	n = 0
	for (i = 1; i <= nlive[c]; i++) {
		k = live[c, i]
		if (k in old && left[k] > foreign[c, k] + 0) {
			left[k]--
			del = del "-D" substr(old[k], 3) "\n"
		} else rest[++n] = k
	}
	# Where each rule of the file stands among those that stay.
	q = 1
	for (i = 1; i <= nseq[c]; i++) {
		if (own[c, i]) continue
		for (j = q; j <= n && rest[j] != seq[c, i]; j++);
		if (j <= n) { at[i] = j; q = j + 1 }
	}
	size = n; r = n + 1
	for (i = nseq[c]; i >= 1; i--) {
		if (i in at) r = at[i]
		mark[i] = r
	}
	k = 0; q = 1
	now = ""
	for (i = 1; i <= nseq[c]; i++) {
		if (!own[c, i]) continue
		while (q < mark[i]) now = now rest[q++] "\n"
		now = now seq[c, i] "\n"
		if (mark[i] > size) ins = ins spec[c, i] "\n"
		else ins = ins "-I " c " " (mark[i] + k) substr(spec[c, i], length("-A " c) + 1) "\n"
		k++
	}
	while (q <= size) now = now rest[q++] "\n"
	was = ""
	for (i = 1; i <= nlive[c]; i++) was = was live[c, i] "\n"
	if (now != was) delta = delta del ins
}

BEGIN {
	family = v == "" ? 4 : 6
	while ((getline line < copy) > 0) {
		if (line == "farmwall copy 1 ufw") { inside = 1; continue }
		if (!inside) continue
		if (line == "end") { ended = 1; break }
		split(line, w, " ")
		if (w[1] == "rule") {
			sub(/^rule /, "", line)
			if (mine) body[wants] = body[wants] line "\n"
			continue
		}
		mine = w[1] == "tuple" && w[2] == family
		if (!mine) continue
		tuple[++wants] = line
		sub(/^tuple [46] [^ ]+ /, "", tuple[wants])
		place[wants] = w[3]
		if (w[3] != "-") placed = 1
		deny[wants] = tuple[wants] ~ /^### tuple ### deny/
	}
	if (inside && !ended) { print "the copy is cut off" > "/dev/stderr"; exit 1 }
	# What was ours at the last confirm may be loaded and stand in no file any more.
	inside = 0
	while (kept != "" && (getline line < kept) > 0) {
		if (line == "farmwall copy 1 ufw") inside = 1
		else if (line == "end") inside = 0
		else if (inside && line ~ ("^rule -A ufw" v "-user-")) { sub(/^rule /, "", line); drop(line) }
	}
	if (save != "") while ((save | getline line) > 0) {
		if (line ~ ("^:ufw" v "-user-(input|output) ")) { split(substr(line, 2), w, " "); loaded[w[1]] = 1 }
		if (line ~ ("^-A ufw" v "-user-(input|output) ")) { split(line, w, / +/); live[w[2], ++nlive[w[2]]] = key(line) }
	}

	# The file: what stands before the first block, the blocks, and after each what is none of it.
	while ((getline line < rules) > 0) {
		whole = whole line "\n"
		if (line ~ /^### tuple ### /) {
			n++
			blank[n] = pending; pending = ""
			head[n] = line; open = 1
		} else if (open && line ~ /^-A /) lines[n] = lines[n] line "\n"
		else {
			open = 0
			# An empty line belongs to the block that it stands before.
			junk[n + 0] = junk[n + 0] pending
			pending = line == "" ? "\n" : ""
			if (line != "") junk[n + 0] = junk[n + 0] line "\n"
			if (line == "### RULES ###") begin = 1
			if (line == "COMMIT") complete = 1
		}
		if (line == "### RULES ###") {
			top = junk[0]; junk[0] = ""
		}
	}
	tail = pending
	if (!begin || !complete) { print rules " is not as ufw writes it" > "/dev/stderr"; exit 1 }

	for (i = 1; i <= n; i++) {
		ours[i] = head[i] ~ / comment=6661726d77616c6c3a[0-9a-f]*$/
		if (ours[i]) drop(lines[i])
		else { others[++nothers] = i; m = split(lines[i], l, "\n"); for (j = 1; j <= m; j++) if (l[j] != "") covered[key(l[j])] = 1 }
	}
	for (i = 1; i <= wants; i++) drop(body[i])

	if (placed) {
		j = 1; m = 1
		for (p = 0; j <= wants || m <= nothers; p++) {
			if (j <= wants && (place[j] <= p || m > nothers)) { order[++total] = -j; j++ }
			else { order[++total] = others[m]; m++ }
		}
	} else {
		for (j = 1; j <= wants; j++) at0[tuple[j] "\n" body[j]] = j
		for (i = 1; i <= n; i++) if (ours[i] && (head[i] "\n" lines[i]) in at0) {
			j = at0[head[i] "\n" lines[i]]
			if (!used[j]) { used[j] = 1; keeps[i] = j }
		}
		for (j = 1; j <= wants; j++) if (!used[j]) {
			m = split(body[j], l, "\n"); all = 1
			for (i = 1; i <= m; i++) if (l[i] != "" && !(key(l[i]) in covered)) all = 0
			if (all) skip[j] = 1
			else if (!deny[j]) grows = 1
		}
		# What closes stands behind what opens.
		for (i = 1; i <= n; i++) if (!ours[i]) order[++total] = i
		else if ((i in keeps) && !(grows && deny[keeps[i]])) order[++total] = -keeps[i]
		else if (i in keeps) used[keeps[i]] = 0
		for (j = 1; j <= wants; j++) if (!used[j] && !skip[j]) order[++total] = -j
	}
	for (i = 1; i <= n; i++) if (ours[i] && junk[i] != "") {
		# What stood behind a block that goes stays behind the one before.
		for (j = i - 1; j > 0 && ours[j]; j--);
		junk[j > 0 ? j : 0] = junk[j > 0 ? j : 0] junk[i]; junk[i] = ""
	}
	# After the last block of others stands the end of the file.
	last = nothers ? others[nothers] : 0
	end = junk[last]; junk[last] = ""
	text = top junk[0]
	if (last == 0) text = top
	for (p = 1; p <= total; p++) {
		i = order[p]
		if (i < 0) { text = text block(tuple[-i], body[-i]); lay(body[-i], 1) }
		else { text = text blank[i] head[i] "\n" lines[i] junk[i]; lay(lines[i], 0) }
	}
	text = text end tail

	for (c in loaded) hang(c)
	status = 20
	if (text != whole) {
		status++
		if (fresh != "") {
			printf "%s", text > fresh
			if (close(fresh) != 0) { print "cannot write " fresh > "/dev/stderr"; exit 1 }
		}
	}
	if (delta != "") {
		status += 2
		printf "*filter\n%sCOMMIT\n", delta
	}
	exit status
}
