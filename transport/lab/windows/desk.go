package windows

import (
	"encoding/json"
	"fmt"
	"strings"
)

// desk does what one engine process asks for.
type desk struct {
	host    *Host
	caller  caller
	objects map[int]*RuleObject
	next    int
}

func (d *desk) do(op string, args []any) answer {
	v, bulk, err := d.perform(op, asked(args))
	if err != nil {
		return answer{HR: uint32(code(err)), Text: err.Error()}
	}
	return answer{Value: v, bulk: bulk}
}

// asked are the arguments of a request; a missing one reads as zero.
type asked []any

func (a asked) at(i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}

func (a asked) text(i int) string { s, _ := a.at(i).(string); return s }

func (a asked) number(i int) int { f, _ := a.at(i).(float64); return int(f) }

// by is the caller with the rights that it has now.
func (d *desk) by() caller { return d.host.rights(d.caller) }

func (d *desk) admin() bool { return d.by().admin }

func (d *desk) keep(r *RuleObject) int {
	d.next++
	d.objects[d.next] = r
	return d.next
}

// value turns what JSON made of a value into what COM takes.
func value(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	case []any:
		var out []string
		for _, e := range v {
			out = append(out, fmt.Sprint(e))
		}
		return out
	}
	return v
}

func (d *desk) perform(op string, a asked) (v any, bulk []byte, err error) {
	h := d.host
	switch op { // what the firewall's own writes do not cover
	case "start", "kill", "task.register", "task.delete", "task.run", "task.stop":
		h.mu.Lock()
		denied := h.denies(d.caller, op)
		h.mu.Unlock()
		if denied {
			return nil, nil, EAccessDenied
		}
	}
	switch op {
	case "rule.new":
		return d.keep(h.NewRule()), nil, nil
	case "rule.get", "rule.set":
		r := d.objects[a.number(0)]
		if r == nil {
			return nil, nil, EUnexpected
		}
		if op == "rule.get" {
			v, err = h.Get(r, a.text(1))
			return v, nil, err
		}
		return nil, nil, h.set(r, a.text(1), value(a.at(2)), d.by())
	case "rules.add":
		r := d.objects[a.number(0)]
		if r == nil {
			return nil, nil, EInvalidArg
		}
		return nil, nil, h.add(r, d.by())
	case "rules.remove":
		return nil, nil, h.remove(a.text(0), d.by())
	case "rules.item":
		r, err := h.Item(a.text(0))
		if err != nil {
			return nil, nil, err
		}
		return d.keep(r), nil, nil
	case "rules.count":
		v, err = h.Count()
		return v, nil, err
	case "rules.all":
		all, err := h.Rules()
		if err != nil {
			return nil, nil, err
		}
		first := d.next + 1
		for _, r := range all {
			d.keep(r)
		}
		return []int{first, len(all)}, nil, nil
	case "policy.get":
		v, err = h.Policy(a.text(0), a.number(1))
		return v, nil, err
	case "key":
		values, ok := h.Key(a.text(0))
		if !ok {
			return nil, nil, nil
		}
		return len(values), pack(values), nil
	case "key.count":
		values, _ := h.Key(a.text(0))
		return len(values), nil, nil
	}
	return d.system(op, a)
}

// pack writes values as NAME NUL KIND DATA NUL ...; the registry has no NUL and our
// texts no line feed.
func pack(values []Value) []byte {
	var b strings.Builder
	for _, v := range values {
		switch data := v.Data.(type) {
		case string:
			fmt.Fprintf(&b, "%s\x00s%s\x00", v.Name, strings.ReplaceAll(data, "\n", " "))
		case uint32:
			fmt.Fprintf(&b, "%s\x00d%d\x00", v.Name, data)
		}
	}
	return []byte(b.String())
}

// system answers for all that is not the firewall.
func (d *desk) system(op string, a asked) (v any, bulk []byte, err error) {
	h := d.host
	switch op {
	case "admin":
		return d.admin(), nil, nil
	case "user":
		return d.caller.account, nil, nil
	case "folder":
		return h.Folder(), nil, nil
	case "folder.owner":
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.faults.FolderOwner, nil, nil
	case "kill":
		return h.killTree(a.number(0)), nil, nil
	case "start":
		if !d.admin() {
			return nil, nil, EAccessDenied
		}
		h.detached(a.text(0), d.caller)
		return nil, nil, nil
	case "task.register":
		var t task
		if err := json.Unmarshal([]byte(a.text(0)), &t); err != nil {
			return nil, nil, EInvalidArg
		}
		return nil, nil, h.registerTask(t, a.number(1), d.admin())
	case "task.delete":
		return nil, nil, h.deleteTask(a.text(0), d.admin())
	case "task.run":
		return nil, nil, h.runTask(a.text(0))
	case "task.stop":
		return nil, nil, h.stopTask(a.text(0))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch op {
	case "interfaces":
		return h.adapters(), nil, nil
	case "service":
		state, ok := h.services[a.text(0)]
		if !ok {
			state = "Missing"
		}
		return state, nil, nil
	case "boot":
		return h.boot, nil, nil
	case "uptime":
		return h.uptime().Milliseconds(), nil, nil
	case "sockets":
		var out [][2]string
		for _, s := range h.sockets {
			out = append(out, [2]string{s.client.String(), s.local.String()})
		}
		return out, nil, nil
	case "schedule":
		return nil, nil, h.schedulerRuns()
	case "task.get":
		t, err := h.taskNamed(a.text(0))
		if err != nil {
			return nil, nil, err
		}
		return d.show(t), nil, nil
	case "task.list":
		if err := h.schedulerRuns(); err != nil {
			return nil, nil, err
		}
		out := []any{}
		for _, t := range h.tasks {
			out = append(out, d.show(t))
		}
		return out, nil, nil
	}
	return nil, nil, fmt.Errorf("the lab's host has no %s", op)
}

func (d *desk) show(t *task) map[string]any {
	return map[string]any{"name": t.Name, "state": t.state(), "enabled": t.Enabled, "result": t.result, "program": t.Program, "arguments": t.Arguments, "boot": t.Boot, "user": t.User}
}

// adapters are the interfaces as text; h.mu is held.
func (h *Host) adapters() []map[string]any {
	var out []map[string]any
	texts := func(n int, at func(int) string) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = at(i)
		}
		return list
	}
	for _, i := range h.world.interfaces {
		a := map[string]any{
			"name": i.Name, "guid": i.GUID, "index": i.Index, "up": !i.Down, "loopback": false,
			"addresses": texts(len(i.Prefixes), func(n int) string { return i.Prefixes[n].String() }),
			"gateways":  texts(len(i.Gateways), func(n int) string { return i.Gateways[n].String() }),
			"dns":       texts(len(i.DNS), func(n int) string { return i.DNS[n].String() }),
			"dhcp":      texts(len(i.DHCP), func(n int) string { return i.DHCP[n].String() }),
			"wins":      texts(len(i.WINS), func(n int) string { return i.WINS[n].String() }),
		}
		if i.Type != "" {
			a["type"] = i.Type
		}
		if i.Profile != 0 {
			a["profile"] = i.Profile
		}
		out = append(out, a)
	}
	return append(out, map[string]any{
		"name": "Loopback Pseudo-Interface 1", "guid": "{0E4C2A10-8B7D-4F0A-9C51-5D2B6A7F3E00}", "index": 1, "up": true, "loopback": true,
		"addresses": []string{"127.0.0.1/8", "::1/128"}, "gateways": []string{}, "dns": []string{}, "dhcp": []string{}, "wins": []string{},
	})
}
