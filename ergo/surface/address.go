// Package surface is a cluster's entry point of whatever surface: it finds out
// which one answers at an address, the 48 tools or an Observer, and speaks it.
//
//   - [Parse] completes an address to what is tried.
//   - An [Entry] is an [ergo.Caller] that finds out with its first call, and
//     again when what it found is gone.
package surface

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
)

// An Address is where an entry point may be.
type Address struct {
	// URLs are tried in this order.
	URLs []string
	// Road is the surface that was asked for; "" is whichever answers.
	Road ergo.Road
}

// Host is the host in the address.
func (a Address) Host() string {
	u, err := url.Parse(a.URLs[0])
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// prefixes force a surface.
const (
	observerPrefix = "observer+"
	toolsPrefix    = "mcp+"
)

// Parse completes an address: a host (the ports 9922 and then 9911 are tried),
// host:port or an http or https URL; observer+ or mcp+ before a URL says which
// surface it is.
func Parse(address string) (Address, error) {
	a := Address{}
	s := strings.TrimSpace(address)
	if rest, ok := strings.CutPrefix(s, observerPrefix); ok {
		a.Road, s = ergo.RoadObserver, rest
	} else if rest, ok := strings.CutPrefix(s, toolsPrefix); ok {
		a.Road, s = ergo.RoadMCP, rest
	}
	first, err := live.ParseAddress(s)
	if err != nil {
		return a, err
	}
	u, err := url.Parse(first)
	if err != nil {
		return a, fmt.Errorf("endpoint: %w", err)
	}
	if strings.Contains(s, "://") || hasPort(s) {
		a.URLs = []string{first}
		return a, nil
	}
	u.Host = net.JoinHostPort(u.Hostname(), observer.DefaultPort)
	switch a.Road {
	case ergo.RoadObserver:
		a.URLs = []string{u.String()}
	case ergo.RoadMCP:
		a.URLs = []string{first}
	default:
		a.URLs = []string{first, u.String()}
	}
	return a, nil
}

// hasPort reports whether an address without a scheme names a port.
func hasPort(s string) bool {
	host, _, _ := strings.Cut(s, "/")
	if strings.Count(host, ":") > 1 && !strings.HasPrefix(host, "[") {
		return false // a bare IPv6 address
	}
	_, port, err := net.SplitHostPort(host)
	return err == nil && port != ""
}
