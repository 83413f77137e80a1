package readme

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// root is the project's root, seen from here.
const root = "../.."

// blocks are the fenced blocks of README.md that hold the text.
func blocks(t *testing.T, holding string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for i, part := range strings.Split(string(text), "\n```") {
		if i%2 == 1 && strings.Contains(part, holding) {
			found = append(found, part)
		}
	}
	if len(found) == 0 {
		t.Fatalf("README.md has no block with %q", holding)
	}
	return found
}

// A house is a directory with both commands, as a reader of the README has them.
type house struct {
	t   *testing.T
	dir string
}

func newHouse(t *testing.T) house {
	t.Helper()
	h := house{t, t.TempDir()}
	build := exec.Command("go", "build", "-o", filepath.Join(h.dir, "bin")+"/", "./cmd/record", "./cmd/analyze")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return h
}

// command is a line of a session, to be run within a minute.
func (h house) command(line string) *exec.Cmd {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	h.t.Cleanup(cancel)
	words := strings.Fields(line)
	cmd := exec.CommandContext(ctx, filepath.Join(h.dir, words[0]), words[1:]...)
	cmd.Dir = h.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func (h house) run(line string) string {
	h.t.Helper()
	var out, errs bytes.Buffer
	cmd := h.command(line)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("%s: %v\n%s%s", line, err, out.String(), errs.String())
	}
	return out.String()
}

// serving starts a line that serves until it is interrupted, and returns its
// first line of output. A test that ends interrupts it.
func (h house) serving(line string) string {
	h.t.Helper()
	cmd := h.command(line)
	out, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatalf("%s: %v", line, err)
	}
	h.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended already
		_ = cmd.Wait()                       // with whatever an interrupt gives
	})
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		h.t.Fatalf("%s says nothing: %v", line, err)
	}
	go io.Copy(io.Discard, lines) //nolint:errcheck // it ends with the command
	return strings.TrimSpace(first)
}

func (h house) capture() string {
	path, err := filepath.Abs(filepath.Join(root, "testdata", "stuck.jsonl.gz"))
	if err != nil {
		h.t.Fatal(err)
	}
	return path
}

// TestSession types the README's first session, with a replay as the cluster.
func TestSession(t *testing.T) {
	if testing.Short() {
		t.Skip("builds both commands")
	}
	h := newHouse(t)
	h.run("bin/record import " + h.capture() + " -o cluster.erg")
	said := h.serving("bin/analyze replay cluster.erg --listen 127.0.0.1:0 --speed 20")
	endpoint := said[strings.LastIndexByte(said, ' ')+1:]
	ran := 0
	for line := range strings.Lines(blocks(t, "bin/record check")[0]) {
		line, _, _ = strings.Cut(strings.ReplaceAll(line, "10.0.0.5", endpoint), " # ")
		switch {
		case strings.HasPrefix(line, "bin/analyze serve"):
			if url := h.serving(strings.TrimSpace(line) + " --listen 127.0.0.1:0"); !strings.HasPrefix(url, "http://127.0.0.1:") {
				t.Errorf("%s says %q", line, url)
			}
		case strings.HasPrefix(line, "bin/"):
			if h.run(line) == "" && !strings.Contains(line, " -o ") {
				t.Errorf("%s prints nothing", line)
			}
		default:
			continue
		}
		ran++
	}
	if ran < 5 {
		t.Errorf("%d commands were run", ran)
	}
}

// TestWhatItSays looks for every line that the README shows in what is printed.
func TestWhatItSays(t *testing.T) {
	if testing.Short() {
		t.Skip("builds both commands")
	}
	h := newHouse(t)
	h.run("bin/record import " + h.capture() + " -o incident.erg")
	block := blocks(t, "$ bin/analyze report")[0]
	_, shown, _ := strings.Cut(block, "$ bin/analyze report incident.erg\n")
	printed := squeezed(h.run("bin/analyze report incident.erg"))
	for part := range strings.SplitSeq(shown, "…\n") {
		if part = squeezed(part); part == "" || !strings.Contains(printed, part) {
			t.Errorf("the report does not say what the README shows:\n%s", part)
		}
	}
}

var space = regexp.MustCompile(`\s+`)

// squeezed is a text with one blank for any white space.
func squeezed(text string) string { return strings.TrimSpace(space.ReplaceAllString(text, " ")) }
