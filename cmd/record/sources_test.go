package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo/live"
)

// names is a resolver of a test.
type names struct {
	hosts map[string][]string
	srv   []*net.SRV
	err   error
}

func (n *names) LookupHost(_ context.Context, host string) ([]string, error) {
	return n.hosts[host], n.err
}

func (n *names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	return name, n.srv, n.err
}

// TestSourcesAreLookedUpAgain: what a name, an SRV record or a file says is
// taken as it is at the moment; an entry point that stays keeps its caller.
func TestSourcesAreLookedUpAgain(t *testing.T) {
	r := reach{endpoints: []string{"fixed:1", "dns+http://pods.example:9922/mcp", "srv+_mcp._tcp.example", "file+/etc/list"}, timeout: time.Second}
	o, err := r.opener()
	if err != nil {
		t.Fatal(err)
	}
	if !o.changing {
		t.Error("these entry points do not change")
	}
	n := &names{hosts: map[string][]string{"pods.example": {"10.0.0.2", "10.0.0.1"}}, srv: []*net.SRV{{Target: "alpha.example.", Port: 19922}}}
	file := "a:1 # the first\n\n# none\nb\n"
	o.lookup, o.read = n, func(string) ([]byte, error) { return []byte(file), nil }
	list := func() (string, []live.Way) {
		t.Helper()
		ways, err := o.ways(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, w := range ways {
			words = append(words, strings.TrimPrefix(w.Name, "http://"))
		}
		return strings.Join(words, ", "), ways
	}
	before, first := list()
	if want := "fixed:1/mcp, pods.example:9922/mcp at 10.0.0.1, pods.example:9922/mcp at 10.0.0.2, alpha.example:19922/mcp, a:1/mcp, b:9922/mcp"; before != want {
		t.Errorf("%s\nwant %s", before, want)
	}
	n.hosts["pods.example"], n.srv, file = []string{"10.0.0.3", "10.0.0.2"}, nil, "b"
	after, second := list()
	if want := "fixed:1/mcp, pods.example:9922/mcp at 10.0.0.2, pods.example:9922/mcp at 10.0.0.3, b:9922/mcp"; after != want {
		t.Errorf("%s\nwant %s", after, want)
	}
	if first[2].Caller != second[1].Caller {
		t.Error("an entry point that stayed got another caller")
	}
	n.err = errors.New("no such host")
	if _, err := o.ways(t.Context()); err == nil || !strings.Contains(err.Error(), "endpoint dns+http://pods.example:9922/mcp: no such host") {
		t.Errorf("error %v", err)
	}
}
