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
}

// ParseTarget reads name@host or name@host:port. The host of an IPv6 address
// stands in brackets where a port follows.
func ParseTarget(s string) (Target, error) {
	bad := func(why string) (Target, error) {
		return Target{}, fmt.Errorf("node %q: %s: give name@host or name@host:port", s, why)
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
	if t.Port == 0 {
		return t.Node
	}
	return t.Node + ":" + strconv.Itoa(int(t.Port))
}
