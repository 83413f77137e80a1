package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A pane is a terminal in which a program runs, made by tmux.
type pane struct {
	t      *testing.T
	socket string
}

func (p pane) tmux(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", p.socket}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// shows waits until the screen is as a golden one of package terminal, whose
// tests press the same keys without a terminal.
func (p pane) shows(name string) {
	p.t.Helper()
	want, err := os.ReadFile(filepath.Join(root, "terminal", "testdata", name+".screen"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.waits(string(want), func(screen string) bool { return screen == string(want) })
}

// holds waits until the screen holds a text.
func (p pane) holds(text string) {
	p.t.Helper()
	p.waits(text, func(screen string) bool { return strings.Contains(screen, text) })
}

func (p pane) waits(want string, is func(screen string) bool) {
	p.t.Helper()
	got := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(50 * time.Millisecond) {
		if got = p.tmux("capture-pane", "-p"); is(got) {
			return
		}
	}
	p.t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
}

// TestTop runs analyze top in a real terminal.
func TestTop(t *testing.T) {
	if testing.Short() {
		t.Skip("builds both commands")
	}
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed")
	}
	h := newHouse(t)
	h.run("bin/record import " + h.capture() + " -o stuck.erg")
	p := pane{t, filepath.Join(t.TempDir(), "s")}
	start := exec.Command("tmux", "-S", p.socket, "-f", os.DevNull, "new-session", "-d", "-x", "100", "-y", "16", "bin/analyze top stuck.erg")
	start.Dir = h.dir
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("tmux: %v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", p.socket, "kill-server").Run() }) // it may have ended
	p.shows("nodes")
	p.tmux("send-keys", "Enter")
	p.shows("processes-of-a-node")
	p.tmux("resize-window", "-x", "100", "-y", "12")
	p.tmux("send-keys", "BSpace", "P")
	p.holds("279 processes")
	p.tmux("send-keys", "c", "Right", "Right", "Space")
	p.shows("columns")
	p.tmux("send-keys", "Enter", "q")
	for end := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		if exec.Command("tmux", "-S", p.socket, "has-session").Run() != nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("q does not end it")
		}
	}
}
