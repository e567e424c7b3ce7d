package inventory

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// loadTree loads sources out of a tree of files.
func loadTree(t *testing.T, files map[string]string, sources ...string) *Inventory {
	t.Helper()
	t.Chdir(tree(t, files))
	inv, err := Load(context.Background(), sources, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// group_vars/all beats [web:vars]; a later source's parent group beats an earlier
// source's child group.
func TestSeveralSources(t *testing.T) {
	inv := loadTree(t, map[string]string{
		"one/hosts": "[web]\nh1 v=1\n[gateway:children]\nweb\n[web:vars]\na=ini\n", "one/group_vars/web.yml": "b: one-web\nc: one-web\n", "one/group_vars/all.yml": "a: one-all\n",
		"two/hosts": "[web]\nh1 v=2\nh2\n", "two/group_vars/gateway.yml": "b: two-parent\n", "two/group_vars/all.yml": "c: two-all\n",
		"one/host_vars/h1.yml": "d: one\n", "two/host_vars/h1": "d: two\n",
	}, "one/hosts", "two", "three.example,four:22,")
	want := map[string]any{"v": int64(2), "a": "one-all", "b": "two-parent", "c": "one-web", "d": "two"}
	for name, w := range want {
		equal(t, name, inv.Host("h1").Vars[name].Any, w)
	}
	equal(t, "where", inv.Host("h1").Vars["b"].At, Position{filepath.Join("two", "group_vars", "gateway.yml"), 1})
	equal(t, "hosts", hostNames(inv.Hosts), "three.example four h1 h2")
	equal(t, "port", inv.Host("four").Access.Port, 22)
	equal(t, "groups", strings.Join(inv.Host("h1").Groups, " "), "all gateway web")
}

// Two sources in one folder, with another between: its group_vars count once, at
// the last of them.
func TestOneFolderTwice(t *testing.T) {
	inv := loadTree(t, map[string]string{
		"a/x": "[gateway]\ng\n", "a/z": "[gateway]\ng2\n", "a/group_vars/gateway.yml": "v: a\n", "b/y": "g\n", "b/group_vars/gateway.yml": "v: b\nw: b\n",
	}, "a/x", "b/y", "a/z")
	equal(t, "v", inv.Host("g").Vars["v"].Any, "a")
	equal(t, "w", inv.Host("g").Vars["w"].Any, "b")
}

func TestHiddenVarsFileIsTold(t *testing.T) {
	inv := loadTree(t, map[string]string{"hosts": withRole, "group_vars/all/x.yml": "a: 1\n", "group_vars/all.yml": "a: 2\n"}, "hosts")
	equal(t, "a", inv.Host("role.example").Vars["a"].Any, int64(1))
	if w := inv.Warnings.Error(); !strings.Contains(w, "all.yml: the file is not read") {
		t.Errorf("got %q", w)
	}
}

// 2.19 reads *.ini in a folder, and so do we.
func TestFolder(t *testing.T) {
	inv := loadTree(t, map[string]string{"inv/b.ini": "[gateway]\nb\n", "inv/a.cfg": "[[[", "inv/a.ini": "[gateway]\na\n", "inv/z/c": "[gateway]\nc\n", "inv/vars_plugins/x": "[[["}, "inv/")
	equal(t, "hosts", hostNames(inv.Hosts), "a b c")
}

// A name that would lead out of group_vars is not followed.
func TestNoWayOut(t *testing.T) {
	inv := loadTree(t, map[string]string{"hosts": "[gateway]\n../secret\n/etc/passwd\n", "secret.yml": "stolen: 1\n", "host_vars/x": "a: 1\n", "secret": "stolen: 1\n"}, "hosts")
	for _, h := range inv.Hosts {
		if len(h.Vars) != 0 {
			t.Errorf("%s has %v", h.Name, h.Vars)
		}
	}
}

// Order of hosts: breadth first, in order of declaration.
func TestOrder(t *testing.T) {
	inv := must(t, "[z:children]\nb\n[b]\nb1\n[a]\na1\nb1\n[halb]\nx\n[z]\nz1\n[ungrouped]\nu\n")
	equal(t, "hosts", hostNames(inv.Hosts), "u z1 a1 b1 x")
	var groups []string
	for _, g := range inv.Groups {
		groups = append(groups, g.Name)
	}
	equal(t, "groups", strings.Join(groups, " "), "all ungrouped z b a halb")
	equal(t, "children", strings.Join(inv.Group("all").Children, " "), "ungrouped z a halb")
	if inv.Group("nosuch") != nil || inv.Host("nosuch") != nil {
		t.Error("what does not exist is found")
	}
}

func TestUnsafeIsNoTemplate(t *testing.T) {
	inv := must(t, "---\ngateway: {hosts: {g: {ansible_password: !unsafe 'a{{b'}}}\n")
	equal(t, "password", inv.Host("g").Access.Password.Reveal(), "a{{b")
}

func TestBOMAndLineEnds(t *testing.T) {
	inv := must(t, "\ufeff[gateway]\r\ng a=1\rh a=2\vi a=3\u2028j a=4\n")
	equal(t, "hosts", hostNames(inv.Hosts), "g h i j")
	for name, line := range map[string]int{"g": 2, "h": 3, "i": 3, "j": 3} {
		equal(t, name, inv.Host(name).At.Line, line)
	}
	yaml := must(t, "---\r\n\r\ngateway:\r\n  hosts:\r\n    g: {a: 1}\r\n")
	equal(t, "line", yaml.Host("g").At, Position{"hosts.yml", 5})
}

func TestWarnings(t *testing.T) {
	inv := must(t, "---\ngateway: {hosts: {gateway: {a: 1, a: 2}, \"x[5:1]\": }}\n\"my-group\": {}\n")
	want := []string{`hosts.yml:2: the key "a" stands twice`, `hosts.yml:2: "gateway" is the name of a host and of a group`, `host pattern "x[5:1]" stands for no host`, `hosts.yml:3: group name "my-group" has other characters`}
	for _, w := range want {
		if !strings.Contains(inv.Warnings.Error(), w) {
			t.Errorf("missing %s in\n%s", w, inv.Warnings)
		}
	}
	equal(t, "number", len(inv.Warnings), len(want))
	equal(t, "last wins", inv.Host("gateway").Vars["a"].Any, int64(2))
}

func TestExamples(t *testing.T) {
	for path, members := range map[string]int{"minimal.yml": 2, "farm.ini": 22} {
		inv, err := Load(context.Background(), []string{filepath.Join("..", "examples", path)}, Options{})
		if err != nil || len(inv.Warnings) > 0 || len(inv.Farms) != 1 || len(inv.Farms[0].Members) != members {
			t.Errorf("%s: %v, %v", path, err, inv)
			continue
		}
		have := map[Role]bool{}
		for _, h := range inv.Hosts {
			for _, r := range h.Roles {
				have[r] = true
			}
		}
		if path == "farm.ini" && len(have) != len(Roles()) {
			t.Errorf("farm.ini has the roles %v", have)
		}
	}
}
