package windows_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	lab "farmwall/transport/lab/windows"
)

func TestTheDoctorChangesNothingAndSaysNoNames(t *testing.T) {
	store := append(lab.Foreign(lab.Server2019, lab.BuiltIn(lab.Server2019), 60),
		lab.Entry{ID: "{S}", Text: "v2.29|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|RA4=198.51.100.77|App=C:\\Secret\\payroll.exe|Name=Payroll of Customer|Desc=hunter2|"})
	m := boot(t, lab.Options{Rules: store})
	out, err := m.run(t.Context(), "doctor", []byte(`{"format":1}`))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		About  string
		Format int
		Rules  struct {
			Found struct {
				Fresh      map[string]any
				Properties []map[string]any
			}
		}
		Stores struct {
			Found struct {
				Local struct {
					Found struct {
						Rules  int
						Fields map[string]int
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	local := report.Stores.Found.Local.Found
	if report.Format != 1 || report.About == "" || local.Rules != len(store) || local.Fields["Name"] != len(store) ||
		len(report.Rules.Found.Properties) < 40 || len(report.Rules.Found.Fresh) != 19 {
		t.Fatalf("the report is\n%s", out)
	}
	codes := 0
	for _, p := range report.Rules.Found.Properties {
		if p["code"] != nil {
			codes++
		}
		if p["failed"] != nil {
			t.Errorf("a probe did not run: %v", p)
		}
	}
	if codes < 10 {
		t.Errorf("only %d properties were refused", codes)
	}
	for _, secret := range []string{"hunter2", "Payroll", "payroll", "198.51.100.77", "Vendor", "RD1", "adm"} {
		if bytes.Contains(bytes.ReplaceAll(out, []byte(`"admin"`), nil), []byte(secret)) {
			i := strings.Index(string(out), secret)
			t.Errorf("%q is in the report: ...%s", secret, out[max(0, i-80):min(len(out), i+80)])
		}
	}
	if m.Writes() != 0 || len(m.files()) != 0 || len(m.Tasks()) != 0 || !slices.Equal(m.Local(), store) {
		t.Fatalf("it changed the host: %d writes, files %v, tasks %v", m.Writes(), m.files(), m.Tasks())
	}
}
