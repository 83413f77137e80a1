package main

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire"
	"ergorecorder/internal/exit"
)

// TestReplayIsJoined: the line that replay prints joins its nodes over loopback,
// with the cookie of the environment.
func TestReplayIsJoined(t *testing.T) {
	t.Setenv(cookieEnv, "a cookie of some length")
	path := smallArchive(t)
	for surface, road := range map[string]ergo.Road{"link": ergo.RoadLink, "system": ergo.RoadSystem} {
		t.Run(surface, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			out := lines{make(chan string, 20)}
			var stderr bytes.Buffer
			var ended sync.WaitGroup
			ended.Go(func() {
				code := run(ctx, []string{"replay", path, "--surface", surface, "--listen", "127.0.0.1:0"}, nil, out, &stderr)
				if code != exit.OK {
					t.Errorf("exit %d: %s", code, stderr.String())
				}
				close(out.c)
			})
			defer func() { cancel(); ended.Wait() }()
			var opts wire.Options
			for line := range out.c {
				for _, m := range regexp.MustCompile(`--join (\S+)`).FindAllStringSubmatch(line, -1) {
					target, err := wire.ParseTarget(m[1])
					if err != nil {
						t.Fatal(err)
					}
					opts.Targets = append(opts.Targets, target)
				}
				if strings.HasPrefix(line, "record run ") {
					break
				}
			}
			if len(opts.Targets) != 1 {
				t.Fatalf("%d nodes can be joined", len(opts.Targets))
			}
			var err error
			if opts.Cookie, err = wire.NewCookie("a cookie of some length"); err != nil {
				t.Fatal(err)
			}
			opts.Node = "recorder@localhost"
			c, err := wire.Open(opts)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			limited, done := context.WithTimeout(ctx, time.Minute)
			defer done()
			if err := c.Wait(limited); err != nil {
				t.Fatal(err)
			}
			a, err := c.Call(limited, ergo.Call{Node: opts.Targets[0].Node, Tool: "node_info"})
			if err != nil || a.Road != road || a.Clock == nil || !strings.Contains(string(a.Text), opts.Targets[0].Node) {
				t.Errorf("%.100s over %q, clock %v: %v", a.Text, a.Road, a.Clock, err)
			}
		})
	}
}

// TestMemberListeners: nodes of a replay listen on this machine only, one behind
// the other, and are named as a recorder has to dial them.
func TestMemberListeners(t *testing.T) {
	for _, bad := range []string{"0.0.0.0:11144", "10.0.0.1:11144", "host:1", "127.0.0.1:65534", "127.0.0.1:x", "127.0.0.1"} {
		if list, err := memberListeners(t.Context(), bad, 3); err == nil {
			t.Errorf("%s: %v", bad, list)
		}
	}
	for want, of := range map[string][2]string{
		"a@localhost:7":          {"a@localhost", "127.0.0.1:7"},
		"a@10.0.0.1=127.0.0.1:7": {"a@10.0.0.1", "127.0.0.1:7"},
		"a@host=[::1]:7":         {"a@host", "[::1]:7"},
	} {
		if got := target(of[0], of[1]); got != want {
			t.Errorf("%v is joined as %s, not %s", of, got, want)
		}
	}
}
