package wire

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// A Target is a node to join: its name and, unless the registrar of its host
// is to be asked for it, the port on which it accepts nodes.
type Target struct {
	Node string // name@host
	Port uint16 // 0: ask the registrar
	Host string // where it is in fact, with Port; "": at the host of its name
}

// ParseTarget reads name@host or name@host:port, or name@host=address:port of a
// node that is reached somewhere else than its name says. The host of an IPv6
// address stands in brackets where a port follows.
func ParseTarget(s string) (Target, error) {
	bad := func(why string) (Target, error) {
		return Target{}, fmt.Errorf("node %q: %s: give name@host, name@host:port or name@host=address:port", s, why)
	}
	if name, address, ok := strings.Cut(s, "="); ok {
		host, port, err := net.SplitHostPort(address)
		n, errPort := strconv.ParseUint(port, 10, 16)
		if err != nil || errPort != nil || n == 0 || host == "" {
			return bad("no address " + address)
		}
		t, err := ParseTarget(name)
		if err != nil || t.Port != 0 {
			return bad("not the name of a node")
		}
		t.Host, t.Port = host, uint16(n)
		return t, nil
	}
	name, host, ok := strings.Cut(s, "@")
	if !ok || name == "" || host == "" || strings.Contains(host, "@") {
		return bad("not the name of a node")
	}
	t := Target{Node: s}
	if h, port, err := net.SplitHostPort(host); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return bad("no port " + port)
		}
		host, t.Port = h, uint16(n)
		t.Node = name + "@" + host
	}
	if len(t.Node) > 255 || host == "" || strings.ContainsAny(t.Node, " \t\r\n'\"/") {
		return bad("not the name of a node")
	}
	return t, nil
}

// host is the host part of a node's name.
func hostOf(node string) string {
	_, host, _ := strings.Cut(node, "@")
	return strings.Trim(host, "[]")
}

func (t Target) String() string {
	switch {
	case t.Host != "":
		return t.Node + "=" + net.JoinHostPort(t.Host, strconv.Itoa(int(t.Port)))
	case t.Port == 0:
		return t.Node
	}
	return t.Node + ":" + strconv.Itoa(int(t.Port))
}
