package host_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/host"
	"ergorecorder/ergo/wire/wiretest"
)

// TestHandshakesAtOnce: a node that shakes one hand tells the second that it is
// busy, and takes it when the first has gone.
func TestHandshakesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cookie, err := wire.NewCookie("a cookie of some length")
		if err != nil {
			t.Fatal(err)
		}
		var network wiretest.Network
		n := &host.Node{Name: "alpha@a", Cookie: cookie, Creation: func() int64 { return 1 }, Handshakes: 1}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		l := network.Listen("a:15000")
		go func() { n.Serve(ctx, l); close(ended) }()
		first, err := network.Dial(t.Context(), "tcp", net.JoinHostPort("a", "15000")) // who dials and says nothing
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var told []string
		c, err := wire.Open(wire.Options{
			Node: "recorder@here", Cookie: cookie, Dial: network.Dial, Targets: []wire.Target{{Node: "alpha@a", Port: 15000}},
			Notify: func(n wire.Notice) {
				said := n.What
				if n.Err != nil {
					said += ": " + n.Err.Error()
				}
				told = append(told, said)
				if n.What == wire.Refused {
					first.Close()
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		c.Close()
		if len(told) < 2 || !strings.Contains(told[0], "busy with other handshakes") || told[1] != wire.Joined {
			t.Errorf("told %q", told)
		}
		cancel()
		<-ended
		network.Wait()
	})
}
