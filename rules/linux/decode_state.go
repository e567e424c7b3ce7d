package linux

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"farmwall/rules"
)

// decodeFolders reads ls -ldn of our folders; a folder that is not a directory of
// root's with mode 0700 is not trusted, and observe read nothing in it.
func (r *Reading) decodeFolders(text string) error {
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < 5 {
			return fmt.Errorf("ls: a folder is %s", brief([]byte(line)))
		}
		mode, owner, name := strings.TrimSuffix(f[0], "."), f[2], line[strings.LastIndexByte(line, ' ')+1:]
		if at := strings.Index(line, " -> "); at >= 0 {
			name = line[strings.LastIndexByte(line[:at], ' ')+1:]
		}
		if mode != "drwx------" || owner != "0" {
			r.Folders = append(r.Folders, fmt.Sprintf("%s is not a folder of root's alone (mode %s, owner %s)",
				brief([]byte(name)), brief([]byte(f[0])), brief([]byte(owner))))
		}
	}
	return nil
}

// decodeOwnState reads lease, record and token.
func decodeOwnState(st *rules.State, r *Reading, sec sections) error {
	lease := fields(sec["lease"])
	if len(lease) > 0 {
		n, err := strconv.ParseUint(lease["number"], 10, 63)
		if err != nil {
			return fmt.Errorf("the lease has the number %s", brief([]byte(lease["number"])))
		}
		st.Lease = rules.Lease{Number: n, Run: lease["run"]}
		if lease["controller"] != "" {
			st.Lease.Holder = lease["controller"] + " run " + lease["run"]
		}
		if lease["boot"] == r.Boot {
			taken, err := seconds(lease["taken"])
			if err != nil {
				return fmt.Errorf("the lease was taken at %s", brief([]byte(lease["taken"])))
			}
			st.Lease.Since = max(0, r.Uptime-taken)
		}
	}
	record := fields(sec["record"])
	if len(record) > 0 {
		at, err := strconv.ParseInt(record["time"], 10, 64)
		if err != nil {
			return fmt.Errorf("the record has the time %s", brief([]byte(record["time"])))
		}
		st.Record = rules.Record{Run: record["run"], Controller: record["controller"], Digest: record["digest"], Time: time.Unix(at, 0).UTC()}
	}
	return decodeToken(st, r, sec["tokens"])
}

// decodeToken reads "STATE LEASE RUN DEADLINE". A token that was renamed while observe
// looked shows twice; the later state is the true one, and it stands later.
func decodeToken(st *rules.State, r *Reading, text string) error {
	for _, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 4 {
			return fmt.Errorf("the token is %s", brief([]byte(line)))
		}
		switch f[0] {
		case "armed", "confirming", "undoing", "done":
		default:
			return fmt.Errorf("the token's state is %s", brief([]byte(f[0])))
		}
		deadline, err := seconds(f[3])
		if err != nil {
			return fmt.Errorf("the token's deadline is %s", brief([]byte(f[3])))
		}
		st.Token = rules.Token{State: f[0]}
		if f[0] == "armed" {
			st.Token.Left = max(0, deadline-r.Uptime)
		}
	}
	return nil
}

// fields reads lines "KEY VALUE".
func fields(text string) map[string]string {
	m := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if k, v, ok := strings.Cut(line, " "); ok {
			m[k] = strings.TrimSpace(v)
		}
	}
	return m
}
