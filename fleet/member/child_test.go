package member_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"ergorecorder/fleet/engine"
)

// childEnv makes the test's program a recorder: what it holds is a life, as JSON.
const childEnv = "FLEET_CHILD"

// child records until it is told to stop, or killed.
func child(text string) int {
	var l life
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if err := l.start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("started")
	l.running.Wait()
	if l.err != nil {
		fmt.Fprintln(os.Stderr, l.err)
		return 1
	}
	return 0
}

// engineEnv makes the test's program an engine: what it holds is an enginePlace, as JSON.
const engineEnv = "FLEET_ENGINE"

// An enginePlace is what of an engine's options can be handed to a process.
type enginePlace struct {
	Dir, Listen, TokenFile, Cluster, Name, ClusterListen string
	Routes                                               []string
}

// engineChild is an engine until it is told to stop, or killed.
func engineChild(text string) int {
	var p enginePlace
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		var e *engine.Engine
		e, err = engine.Start(engine.Options{Dir: p.Dir, Listen: p.Listen, TokenFile: p.TokenFile, Cluster: p.Cluster, Name: p.Name, ClusterListen: p.ClusterListen, Routes: p.Routes})
		if err == nil {
			fmt.Println("started")
			ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			defer cancel()
			<-ctx.Done()
			e.Close()
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// spawn starts a recorder in a process of its own.
func spawn(t *testing.T, l *life) *exec.Cmd { return reborn(t, childEnv, l) }

// reborn starts the test's program as something else, and returns when it says that it has started.
func reborn(t *testing.T, env string, as any) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(as)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // most often it has ended
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s did not start: %q, %v", text, line, err)
	}
	return cmd
}

// stored is how large the archive's files are: what grows is being recorded.
func stored(path string) (size int64) {
	files, _ := filepath.Glob(filepath.Join(path, "*.erg")) // the pattern is right
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			size += st.Size()
		}
	}
	return size
}
