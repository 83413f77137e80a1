package door

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// hostAllowed holds off pages that make a browser resolve their own name to
// this machine (DNS rebinding): they cannot do that to a number. No browser
// reaches a unix socket.
func (d *Door) hostAllowed(r *http.Request) bool {
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && a.Network() == "unix" {
		return true
	}
	host := hostname(r.Host)
	if isLoopback(host) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return d.tokened()
	}
	return slices.ContainsFunc(d.opt.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// originAllowed lets programs call, which send no Origin, and pages of the
// server's own address or of origins that were named. A link on another site
// may be followed, for that shows the other site nothing.
func (d *Door) originAllowed(r *http.Request) bool {
	named := false
	for _, o := range r.Header["Origin"] {
		if slices.Contains(d.opt.Origins, o) {
			named = true
			continue
		}
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Host != r.Host && !(d.opt.LocalPages && isLoopback(u.Hostname())) {
			return false
		}
		named = named || d.opt.LocalPages
	}
	site := r.Header.Get("Sec-Fetch-Site")
	foreign := site == "cross-site" || site == "same-site"
	return !foreign || named || r.Header.Get("Sec-Fetch-Dest") == "document"
}

func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
