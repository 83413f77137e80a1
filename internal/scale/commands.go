package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"ergorecorder/archive"
)

// A recording is one that was made, and where the commands are.
type recording struct {
	bin, dir, path string
	load
}

// mostImported is up to how many rows the text of a recording is exported and
// imported: a row is some 400 bytes of text.
const mostImported = 8_000_000

// A command is one that is measured.
type command struct {
	name string
	// instant: it asks about an instant, or the heads: its cost shall not grow with
	// what is not in one.
	instant bool
	memory  memory // that it holds at most
	run     func(context.Context, *recording) cost
}

func commands() []command {
	analyze := func(args ...string) func(context.Context, *recording) cost {
		return func(ctx context.Context, r *recording) cost {
			var full []string
			for _, a := range args {
				full = append(full, strings.ReplaceAll(a, "PATH", r.path))
			}
			c, _ := run(ctx, nil, filepath.Join(r.bin, "analyze"), full...)
			return c
		}
	}
	ask := memory{base: 44, file: .3, one: 1.6, node: 160, segment: 12}
	judge := memory{base: 104, file: .3, all: 8, ever: 1, segment: 12, line: .4, suspect: 45}
	with := func(m memory, more float64) memory {
		m.base += more
		return m
	}
	return []command{
		{"export", false, memory{base: 80, file: .3, all: 3, one: 8, segment: 12, line: .1}, exported},
		{"import", false, memory{base: 256, file: 1, all: .5, one: 12, line: .1}, imported},
		{"verify", false, memory{base: 68, file: .3, one: 1.6, node: 60, segment: 12, line: .06}, analyze("verify", "PATH")},
		{"info", true, memory{base: 40, file: .3, node: 160, segment: 12}, analyze("info", "PATH")},
		{"call", true, ask, analyze("call", "PATH", "process_list", "sort_by=mailbox", "limit=10", "--at", "-20s")},
		{"report", false, judge, analyze("report", "PATH")},
		{"HTML", false, with(judge, 20), analyze("report", "PATH", "--format", "html")},
		{"MCP tool", true, ask, toolCall},
		{"first page", true, with(judge, 20), firstPage},
		{"slider step", true, with(judge, 40), sliderStep},
	}
}

// measured is all that is measured: making the recording, and the commands on it.
func measured() []command {
	return append([]command{{"append", false, memory{base: 220, all: 2.4, line: .1}, appended}}, commands()...)
}

// appended makes the recording, in a process of its own, and tells what only the
// archive took of it.
func appended(ctx context.Context, r *recording) cost {
	self, err := os.Executable()
	if err != nil {
		return cost{why: err.Error()}
	}
	spec, err := json.Marshal(r.load)
	if err != nil {
		return cost{why: err.Error()}
	}
	c, out := run(ctx, nil, self, "-append", string(spec), "-o", r.path)
	if c.known() {
		var making int64
		if err := json.Unmarshal(out, &making); err != nil {
			return cost{why: err.Error()}
		}
		c.cpu -= time.Duration(making)
		c.size = sizeOf(r.path)
	}
	return c
}

// appendAll is the process that appended runs: it prints the CPU time, in ns,
// that making up the answers took.
func appendAll(spec, path string) error {
	runtime.LockOSThread()
	var l load
	if err := json.Unmarshal([]byte(spec), &l); err != nil {
		return fmt.Errorf("read the load: %w", err)
	}
	var making time.Duration
	if err := write(l, path, func(d time.Duration) { making += d }); err != nil {
		return err
	}
	fmt.Println(int64(making))
	return nil
}

// write writes a load's recording, and says what CPU time each answer took to make.
func write(l load, path string, made func(time.Duration)) error {
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return err
	}
	began, segment := threadCPU(), 0
	for r := range l.workload().Records() {
		made(threadCPU() - began)
		if n := l.segment(r.At); n != segment {
			segment = n
			if err := w.Rotate(); err != nil {
				return err
			}
		}
		if _, err := w.Append(r); err != nil {
			return err
		}
		began = threadCPU()
	}
	return w.Close()
}

func sizeOf(path string) (size int64) {
	_ = filepath.Walk(path, func(_ string, f os.FileInfo, err error) error {
		if err == nil && !f.IsDir() {
			size += f.Size()
		}
		return nil
	})
	return size
}

// exported writes the recording's text to nowhere: it takes gigabytes.
func exported(ctx context.Context, r *recording) cost {
	if r.rows() > mostImported {
		return cost{why: "its text is too large"}
	}
	return runTo(ctx, nil, io.Discard, filepath.Join(r.bin, "analyze"), "export", r.path)
}

// imported takes the recording's text from a process that exports it.
func imported(ctx context.Context, r *recording) cost {
	if r.rows() > mostImported {
		return cost{why: "its text is too large"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	export := exec.CommandContext(ctx, filepath.Join(r.bin, "analyze"), "export", r.path)
	text, err := export.StdoutPipe()
	if err == nil {
		err = export.Start()
	}
	if err != nil {
		return cost{why: err.Error()}
	}
	out := filepath.Join(r.dir, "imported.erg")
	c := runTo(ctx, text, io.Discard, filepath.Join(r.bin, "record"), "import", "-", "-o", out)
	if !c.known() {
		cancel() // nobody reads on
	}
	text.Close()
	if err := export.Wait(); err != nil && c.known() {
		c = cost{why: fmt.Sprintf("its export: %v", err)} // import cannot tell that more was to come
	}
	c.size = sizeOf(out)
	os.Remove(out)
	return c
}

// toolCall is one tool call over MCP, from the start of the server to its end.
func toolCall(ctx context.Context, r *recording) cost {
	at := r.workload().Start().Add(r.Length - 20*time.Second).Format(time.RFC3339)
	lines := []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"scale","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"process_list","arguments":{"at":%q,"node":"n00@lab","sort_by":"mailbox","limit":10}}}`, at),
	}
	c, out := run(ctx, strings.NewReader(strings.Join(lines, "\n")+"\n"), filepath.Join(r.bin, "analyze"), "mcp", r.path)
	if c.known() && (!strings.Contains(string(out), "PID") || strings.Contains(string(out), `"isError":true`)) {
		return cost{why: fmt.Sprintf("the tool did not answer: %.200s", out)}
	}
	return c
}

// A server is analyze serve, running.
type server struct {
	cmd  *exec.Cmd
	page string
}

func serve(ctx context.Context, r *recording) (*server, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, "analyze"), "serve", r.path, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var page string
	if _, err := fmt.Fscanln(out, &page); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("the server says no address: %w", err)
	}
	return &server{cmd, strings.TrimSuffix(page, "/")}, nil
}

// end kills the server and tells what it took in all.
func (s *server) end() cost {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	return used(s.cmd.ProcessState, 0)
}

// get asks for a page and tells its size.
func (s *server) get(path string, view bool) (size int64, text string, err error) {
	req, err := http.NewRequest(http.MethodGet, s.page+path, nil)
	if err != nil {
		return 0, "", err
	}
	if view {
		req.Header.Set("X-Part", "view")
	}
	client := &http.Client{Timeout: patience}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return int64(len(body)), string(body), err
}

// firstPage is a server from its start until its first page has come, what it
// has judged by then included.
func firstPage(ctx context.Context, r *recording) cost {
	s, err := serve(ctx, r)
	if err != nil {
		return cost{why: err.Error()}
	}
	size, _, err := s.get("/", false)
	c := s.end()
	if c.size = size; err != nil {
		c.why = err.Error()
	}
	return c
}

// sliderStep is the mean of a few moments that were not asked for before, once
// the recording is judged.
func sliderStep(ctx context.Context, r *recording) cost {
	s, err := serve(ctx, r)
	if err != nil {
		return cost{why: err.Error()}
	}
	defer s.end()
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		_, text, err := s.get("/findings", true)
		if err != nil {
			return cost{why: err.Error()}
		}
		if strings.Contains(text, "In order") {
			break
		}
		if time.Since(began) > patience {
			return cost{why: "the recording was not judged in time"}
		}
	}
	const steps = 8
	var size int64
	before, _ := cpuOf(s.cmd.Process.Pid)
	for i := range steps {
		at := r.at(i+1, steps+1).Format(time.RFC3339)
		if size, _, err = s.get("/processes?at="+at, true); err != nil {
			return cost{why: err.Error()}
		}
	}
	after, peak := cpuOf(s.cmd.Process.Pid)
	return cost{cpu: (after - before) / steps, peak: peak, size: size}
}
