//go:build wine

package winrm_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/transport/transporttest"
)

// TestSSPIUnderWine runs this package's tests for Windows under Wine, whose SSPI
// signs on with the ticket of kinit. Wine before 9 needs a bcryptprimitives.dll in
// the prefix that FARMWALL_WINEPREFIX names (docs/decisions/0016-sspi.md).
func TestSSPIUnderWine(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "winrm.test.exe")
	build := exec.Command("go", "test", "-c", "-o", exe, ".")
	build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	realm := newDomain(t)
	realm.Run(password+"\n", "kinit", "adm@"+transporttest.Realm)
	for _, secure := range []bool{false, true} {
		o := realm.options("Negotiate")
		pin := ""
		if secure {
			var a inventory.Access
			secured(t, &o)(&a)
			pin = a.WinRM.Pins[0]
		}
		h := serve(t, o)
		c := exec.Command("wine", exe, "-test.v", "-test.run", "SSPI|ChannelBindings")
		c.Env = realm.Env("WINEPREFIX="+os.Getenv("FARMWALL_WINEPREFIX"), "WINEDEBUG=-all", fmt.Sprintf("FARMWALL_TEST_SSPI=%s %d srv1.lab.test %s", h.addr.Addr(), h.addr.Port(), pin))
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestSSPI") {
			t.Errorf("TLS %v: %v\n%s", secure, err, out)
		}
		if n := h.Counts(); n.Logons != 1 || n.Unsealed > 0 && !secure || n.Messages < 10 {
			t.Errorf("TLS %v: %+v", secure, n)
		}
	}
}
