//go:build linux

package evidence_test

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browsed is what a browser without a network had to say of a page.
type browsed struct {
	console  []string // what the page made the console say
	requests []string // what the page asked for besides itself
}

// browse opens a file in headless Chromium in a network namespace of its own, with flags.
func browse(t *testing.T, page string, flags ...string) browsed {
	t.Helper()
	chromium := tool(t, "chromium")
	if os.Getuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "net.json")
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	argv := append([]string{"-n", chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-default-apps", "--disable-sync", "--disable-domain-reliability", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--enable-logging=stderr", "--log-net-log=" + log, "--net-log-capture-mode=IncludeSensitive"}, flags...)
	c := exec.CommandContext(ctx, "unshare", append(argv, "file://"+page)...)
	c.Env = append(os.Environ(), "HOME="+dir, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.3000s", err, out)
	}
	var b browsed
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "CONSOLE") && !strings.Contains(line, "source: chrome://") { // not of the browser's own pages
			b.console = append(b.console, line)
		}
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var events struct {
		Events []struct {
			Params struct {
				URL       string `json:"url"`
				Initiator string `json:"initiator"`
			}
		}
	}
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatalf("the browser's own log: %v", err)
	}
	for _, e := range events.Events {
		u, err := url.Parse(e.Params.URL)
		// What the browser itself asks for, whatever flags say, is begun by no page.
		if i := e.Params.Initiator; i == "" || i == "not an origin" || strings.HasPrefix(i, "chrome") {
			continue
		}
		if err != nil || u.Scheme == "data" || u.Scheme == "chrome" || u.Scheme == "devtools" || u.Scheme == "file" && u.Path == page {
			continue
		}
		b.requests = append(b.requests, e.Params.URL)
	}
	return b
}

// artefact is a file below build/, which CI keeps.
func artefact(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs("../../build/report")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func TestTheBrowserNoticesWhatAPageMustNotDo(t *testing.T) {
	page := filepath.Join(t.TempDir(), "bad.html")
	text := `<!DOCTYPE html><title>x</title><img src="http://192.0.2.1/x.png"><script>console.error("seen")</script>`
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b := browse(t, page, "--screenshot="+filepath.Join(t.TempDir(), "x.png"))
	if len(b.console) == 0 || !strings.Contains(fmt.Sprint(b.requests), "192.0.2.1") {
		t.Errorf("the browser said %q and asked for %q", b.console, b.requests)
	}
}

func TestThePageOpensOfflineInABrowser(t *testing.T) {
	for _, c := range []struct {
		hosts  int
		text   string
		height int
	}{{5, fiveHosts, 1500}, {500, manyHosts(500), 2300}} {
		s := newSample(t, c.text, false)
		r := s.build(nil)
		page := artefact(t, fmt.Sprintf("report-%d.html", c.hosts))
		if err := os.WriteFile(page, []byte(written(t, r.WriteHTML)), 0o644); err != nil {
			t.Fatal(err)
		}
		sizes := map[string]int64{}
		for scheme, n := range map[string]int{"dark": 0, "light": 1} {
			shot := artefact(t, fmt.Sprintf("report-%d-%s.png", c.hosts, scheme))
			os.Remove(shot)
			b := browse(t, page, "--screenshot="+shot, fmt.Sprintf("--window-size=1360,%d", c.height), fmt.Sprintf("--blink-settings=preferredColorScheme=%d", n))
			if len(b.console) > 0 || len(b.requests) > 0 {
				t.Errorf("%d hosts, %s: the console says %q, the page asks for %q", c.hosts, scheme, b.console, b.requests)
			}
			sizes[scheme] = brightness(t, shot)
		}
		if sizes["dark"] > 90 || sizes["light"] < 200 {
			t.Errorf("%d hosts: brightness is %v", c.hosts, sizes)
		}
	}
}

// brightness is the mean of a picture's green, 0 to 255.
func brightness(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	var sum, n int64
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y += 7 {
		for x := b.Min.X; x < b.Max.X; x += 7 {
			_, g, _, _ := img.At(x, y).RGBA()
			sum, n = sum+int64(g>>8), n+1
		}
	}
	return sum / n
}

func TestThePagePrints(t *testing.T) {
	page := artefact(t, "report-print.html")
	if err := os.WriteFile(page, []byte(written(t, samples(t)["troubled"].WriteHTML)), 0o644); err != nil {
		t.Fatal(err)
	}
	pdf := artefact(t, "report-5.pdf")
	os.Remove(pdf)
	browse(t, page, "--print-to-pdf="+pdf, "--no-pdf-header-footer")
	text, err := os.ReadFile(pdf)
	if err != nil || !strings.HasPrefix(string(text), "%PDF") {
		t.Fatalf("%.20q, %v", text, err)
	}
}
