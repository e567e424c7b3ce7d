package lab

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one that the lab started, named so that another one with the same
// number is not taken for it.
type process struct {
	pid     int
	started string // field 22 of /proc/PID/stat
	netns   string
}

func readProcess(pid int) (p process, parent int, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, 0, false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	parent, _ = strconv.Atoi(f[1])
	netns, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return process{pid, f[19], netns}, parent, f[0] != "Z"
}

// below lists the descendants of a process.
func below(t *testing.T, root int) []process {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int][]process{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, parent, ok := readProcess(pid); ok {
				children[parent] = append(children[parent], p)
			}
		}
	}
	var all []process
	for next := children[root]; len(next) > 0; next = next[1:] {
		all = append(all, next[0])
		next = append(next, children[next[0].pid]...)
	}
	return all
}

// nothingLeft checks that processes, namespaces, mounts and files of a lab are
// gone within a few seconds.
func nothingLeft(t *testing.T, dir string, were []process) {
	t.Helper()
	if len(were) < 4 {
		t.Fatalf("only %d processes of the lab were seen", len(were))
	}
	namespaces := map[string]bool{}
	for _, p := range were {
		namespaces[p.netns] = true
	}
	own, _ := os.Readlink("/proc/self/ns/net")
	delete(namespaces, own)
	delete(namespaces, "")
	var left []string
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		left = nil
		for _, p := range were {
			if now, _, ok := readProcess(p.pid); ok && now.started == p.started {
				left = append(left, fmt.Sprintf("process %d", p.pid))
			}
		}
		links, _ := filepath.Glob("/proc/[0-9]*/ns/net")
		for _, l := range links {
			if ns, err := os.Readlink(l); err == nil && namespaces[ns] {
				left = append(left, l)
			}
		}
		if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), dir) {
			left = append(left, "a mount")
		}
		if _, err := os.Lstat(dir); err == nil {
			left = append(left, dir)
		}
		if len(left) == 0 {
			return
		}
	}
	t.Errorf("left behind: %v", left)
}

func TestCloseLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	needLab(t)
	f, err := Up(testContext(t), Options{Hosts: numbered(3), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	sh(t, mustHost(t, f, "h1"), "setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
	were := below(t, os.Getpid())
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, dir, were)
	if err := f.Close(); err != nil {
		t.Error("closed twice: ", err)
	}
	if _, err := f.Dial(testContext(t), "tcp", "h1:22"); err == nil {
		t.Error("a closed lab dials")
	}
}

func TestFailedUpLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	needLab(t)
	specs := numbered(3)
	specs[1].Ruleset = "this is no ruleset\n"
	f, err := Up(testContext(t), Options{Hosts: specs, Dir: dir})
	if err == nil {
		f.Close()
		t.Fatal("a host with a broken ruleset boots")
	}
	if !strings.Contains(err.Error(), "h2 does not boot: load the ruleset") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("%s is left", dir)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Up(ctx, Options{Hosts: numbered(1), Dir: dir}); err == nil {
		t.Error("a cancelled start succeeds")
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Errorf("%s is left", dir)
	}
}

// holdVariable makes TestHold hold a lab in the folder that it names.
const holdVariable = "FARMWALL_LAB_TEST_HOLD"

// TestHold is the victim of TestKillLeavesNothing and does nothing by itself.
func TestHold(t *testing.T) {
	dir := os.Getenv(holdVariable)
	if dir == "" {
		return
	}
	f, err := Up(testContext(t), Options{Hosts: numbered(3), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	sh(t, mustHost(t, f, "h1"), "setsid sleep 1000 </dev/null >/dev/null 2>&1 &")
	fmt.Println("the lab is up")
	select {}
}

func TestKillLeavesNothing(t *testing.T) {
	needLab(t)
	for _, whom := range []string{"holder", "holder in the middle of the start", "farm process", "holder's group"} {
		t.Run(whom, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab")
			c := exec.Command("/proc/self/exe", "-test.run", "^TestHold$")
			c.Env = append(os.Environ(), holdVariable+"="+dir)
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			defer c.Process.Kill()
			var were []process
			if strings.Contains(whom, "middle") {
				for len(were) < 4 {
					were = below(t, c.Process.Pid)
				}
			} else {
				if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "the lab is up\n" {
					t.Fatalf("%q %v", line, err)
				}
				were = below(t, c.Process.Pid)
			}
			switch whom {
			case "farm process":
				syscall.Kill(were[0].pid, syscall.SIGKILL)
				time.Sleep(100 * time.Millisecond)
				c.Process.Kill() // the files are the holder's then, see below
			case "holder's group":
				syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			default:
				c.Process.Kill()
			}
			io.Copy(io.Discard, out)
			c.Wait()
			if whom == "farm process" {
				// Both of those who could remove the files were killed. The next lab in the
				// same folder starts from them and removes them.
				f, err := Up(testContext(t), Options{Hosts: numbered(1), Dir: dir})
				if err != nil {
					t.Fatal(err)
				}
				f.Close()
			}
			nothingLeft(t, dir, were)
		})
	}
}

func TestFolderOfOthersIsRefused(t *testing.T) {
	needLab(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	f := up(t, numbered(1)...)
	for _, d := range []string{dir, link, f.Dir()} {
		if g, err := Up(testContext(t), Options{Hosts: numbered(1), Dir: d}); err == nil {
			g.Close()
			t.Errorf("a lab comes up in %s", d)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "thesis.txt")); err != nil {
		t.Error("the file of somebody else is gone")
	}
	sh(t, mustHost(t, f, "h1"), "true")
}

// An ordinary user sees the same lab as root.
func TestAsNobody(t *testing.T) {
	needLab(t)
	if os.Geteuid() != 0 {
		t.Skip("this is an ordinary user already; all tests run as one")
	}
	if !userNamespaces() {
		skip(t, "no user namespaces here")
	}
	dir, err := os.MkdirTemp("", "lab-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "lab.test")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(testContext(t), program, "-test.v", "-test.run",
		"^(TestHosts|TestReboot|TestHostReboots|TestCutAndPlug|TestCloseLeaves|TestKillLeaves|TestHold|TestProbes|TestRunIn|TestOpenSSHClient)")
	c.Dir = "/"
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "TMPDIR=" + dir, "FARMWALL_TEST_NO_SKIP=1"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	if n := strings.Count(string(out), "\n--- PASS: "); n < 9 {
		t.Errorf("only %d tests ran as nobody:\n%s", n, out)
	}
}
