package main

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A zone is a name server on loopback that answers questions for A, AAAA and SRV over UDP.
type zone struct {
	mu    sync.Mutex
	hosts map[string][]string // addresses by name, without the last dot
	srv   map[string][]net.SRV
}

// Types of records.
const (
	typeA, typeAAAA, typeSRV = 1, 28, 33
)

// serve answers until the test ends, and returns a resolver that asks nobody else.
func (z *zone) serve(t *testing.T) *net.Resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	t.Cleanup(func() { c.Close(); done.Wait() })
	done.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := z.reply(buf[:n]); reply != nil {
				_, _ = c.WriteTo(reply, from) // who asks asks again
			}
		}
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

// reply answers one question; nil where it is none.
func (z *zone) reply(q []byte) []byte {
	if len(q) < 17 {
		return nil
	}
	var labels []string
	at := 12
	for at < len(q) && q[at] != 0 {
		end := at + 1 + int(q[at])
		if end > len(q) {
			return nil
		}
		labels = append(labels, string(q[at+1:end]))
		at = end
	}
	if at+5 > len(q) {
		return nil
	}
	answers := z.answers(strings.Join(labels, "."), binary.BigEndian.Uint16(q[at+1:]))
	out := append([]byte{}, q[:2]...)
	out = append(out, 0x85, 0x80, 0, 1) // an answer with authority, one question
	out = binary.BigEndian.AppendUint16(out, uint16(len(answers)))
	out = append(append(out, 0, 0, 0, 0), q[12:at+5]...)
	for _, a := range answers {
		out = append(out, 0xc0, 12) // the name of the question
		out = append(out, q[at+1:at+5]...)
		out = append(out, 0, 0, 0, 0) // not to be kept
		out = binary.BigEndian.AppendUint16(out, uint16(len(a)))
		out = append(out, a...)
	}
	return out
}

// answers are the data of the records of a name.
func (z *zone) answers(name string, kind uint16) (out [][]byte) {
	z.mu.Lock()
	defer z.mu.Unlock()
	switch kind {
	case typeA, typeAAAA:
		for _, h := range z.hosts[name] {
			if ip := netip.MustParseAddr(h); ip.Is4() == (kind == typeA) {
				out = append(out, ip.AsSlice())
			}
		}
	case typeSRV:
		for _, s := range z.srv[name] {
			data := binary.BigEndian.AppendUint16([]byte{0, 1, 0, 1}, s.Port)
			for label := range strings.SplitSeq(s.Target, ".") {
				data = append(append(data, byte(len(label))), label...)
			}
			out = append(out, append(data, 0))
		}
	}
	return out
}

// TestNamesOfARealServer: names are asked of a name server over the network, A, AAAA and SRV, and a file is read,
// each time anew: nodes that come and go there come and go here.
func TestNamesOfARealServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "endpoints")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a:1\n")
	z := &zone{hosts: map[string][]string{"pods.example": {"10.0.0.1", "fd00::1"}}, srv: map[string][]net.SRV{"_mcp._tcp.example": {{Target: "alpha.example", Port: 19922}}}}
	r := reach{endpoints: []string{"dns+http://pods.example:9922/mcp", "srv+_mcp._tcp.example", "file+" + file}, timeout: time.Second}
	o, err := r.opener()
	if err != nil {
		t.Fatal(err)
	}
	o.lookup = z.serve(t)
	for _, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, "pods.example:9922/mcp at 10.0.0.1, pods.example:9922/mcp at fd00::1, alpha.example:19922/mcp, a:1/mcp"},
		{func() {
			z.hosts["pods.example"] = []string{"10.0.0.2"}
			z.srv["_mcp._tcp.example"] = []net.SRV{{Target: "beta.example", Port: 19923}}
			write("b:2\na:1\n")
		}, "pods.example:9922/mcp at 10.0.0.2, beta.example:19923/mcp, b:2/mcp, a:1/mcp"},
	} {
		z.mu.Lock()
		step.change()
		z.mu.Unlock()
		ways, err := o.ways(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, w := range ways {
			words = append(words, strings.TrimPrefix(w.Name, "http://"))
		}
		if got := strings.Join(words, ", "); got != step.want {
			t.Errorf("%s\nwant %s", got, step.want)
		}
	}
}
