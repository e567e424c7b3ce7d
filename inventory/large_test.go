package inventory

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// largeFarm is a farm of n hosts, most of them by ranges, some with addresses of
// their own.
func largeFarm(t testing.TB, n int) string {
	var hosts strings.Builder
	fmt.Fprintf(&hosts, "[rdsh]\nrds[1:%d].example\n[gateway]\n", n*9/10)
	for i := range n / 10 {
		fmt.Fprintf(&hosts, "gw%d ansible_host=10.%d.%d.%d\n", i, 1+i>>16, i>>8&255, i&255)
	}
	hosts.WriteString("[site:children]\nrdsh\ngateway\n")
	return tree(t, map[string]string{
		"hosts":               hosts.String(),
		"group_vars/all.yml":  "ras_internal_networks: [10.0.0.0/8, 192.168.0.0/16]\nfarmwall_rules:\n  - {id: x, protocol: tcp, port: [1, 2, 3], remote: 10.0.0.0/8}\n",
		"group_vars/rdsh.yml": "ras_ssl: no\nansible_user: u\nansible_ssh_common_args: -o ProxyJump=b\n",
		"group_vars/site.yml": "v1: 1\nv2: 2\nv3: 3\nv4: 4\nv5: 5\nras_farm: large\n",
		"host_vars/gw0.yml":   "a: 1\n",
	})
}

func BenchmarkLoad(b *testing.B) {
	dir := largeFarm(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(context.Background(), []string{dir + "/hosts"}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Values are shared between hosts, not copied.
func TestSharedValues(t *testing.T) {
	inv, err := Load(context.Background(), []string{largeFarm(t, 100) + "/hosts"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := inv.Host("rds1.example"), inv.Host("gw3")
	if &a.Rules[0] != &b.Rules[0] || &a.InternalNetworks.Value[0] != &b.InternalNetworks.Value[0] {
		t.Error("two hosts have copies of one list")
	}
	// A file whose aliases multiply is refused before it fills the memory.
	var laughs strings.Builder
	laughs.WriteString("---\ngateway:\n  hosts: g\n  vars:\n    a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&laughs, "    a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), i-1)
	}
	if _, err := loadText(t, laughs.String()); err == nil || !strings.Contains(err.Error(), "with its aliases written out") {
		t.Errorf("got %v", err)
	}
}
