package gate

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/ergo"
)

// A URI is the name of a resource: ergo://cluster, or
// ergo://NODE/LENS/TARGET?scope.
type URI struct {
	Cluster bool
	Node    string
	Lens    string
	Target  string
	Query   url.Values // without since
	Since   string
}

// ParseURI reads the name of a resource.
func ParseURI(text string) (URI, error) {
	rest, ok := strings.CutPrefix(text, "ergo://")
	if !ok {
		return URI{}, errors.New("not an ergo:// resource")
	}
	path, query, _ := strings.Cut(rest, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return URI{}, errors.New("the query cannot be read")
	}
	if len(q["since"]) > 1 {
		return URI{}, errors.New("since is given twice")
	}
	u := URI{Query: q, Since: q.Get("since")}
	q.Del("since")
	node, lens, _ := strings.Cut(path, "/")
	if node == "cluster" && lens == "" {
		u.Cluster = true
		return u, nil
	}
	if u.Node, err = url.PathUnescape(node); err != nil || u.Node == "" {
		return URI{}, errors.New("no node is named")
	}
	lens, target, _ := strings.Cut(lens, "/")
	if u.Lens = lens; lens == "" {
		u.Lens = "node"
	}
	if u.Target, err = url.PathUnescape(target); err != nil {
		return u, errors.New("the target cannot be read")
	}
	return u, nil
}

// lensArgs are the query parameters of each lens; whole numbers end in #,
// truth values in ?.
func lensArgs(lens string) (args []string, target, ok bool) {
	switch lens {
	case "node", "network", "applications":
		return nil, false, true
	case "processes":
		return []string{"namePattern", "behavior", "application", "state", "minMailbox#", "pidStart#", "pidLimit#"}, false, true
	case "process", "meta", "connection", "event":
		return nil, true, true
	case "connections":
		return []string{"limit#", "namePattern"}, false, true
	case "events":
		return []string{"namePattern", "limit#", "timestamp#", "notifyMode", "bufferedMode", "openMode", "minSubscribers#"}, false, true
	case "stream":
		return []string{"limit#", "typePattern", "messagePattern", "messageExclude?", "force?", "verbose?"}, true, true
	case "log":
		return []string{"levels", "limit#", "messagePattern", "messageExclude?"}, false, true
	case "tracing":
		return []string{"limit#", "kinds#", "points#", "messagePattern", "messageExclude?"}, false, true
	}
	return nil, false, false
}

// Check is what is wrong with the resource's lens and scope.
func (u URI) Check() error {
	if u.Cluster {
		return nil
	}
	args, target, ok := lensArgs(u.Lens)
	switch {
	case !ok:
		return fmt.Errorf("there is no lens %q", u.Lens)
	case !target && u.Target != "":
		return fmt.Errorf("lens %q takes no target", u.Lens)
	}
	for _, a := range args {
		name := strings.TrimRight(a, "#?")
		v := u.Query.Get(name)
		if v == "" {
			continue
		}
		if _, err := strconv.ParseInt(v, 10, 64); err != nil && strings.HasSuffix(a, "#") {
			return fmt.Errorf("%s=%q is not a number", name, v)
		}
		if strings.HasSuffix(a, "?") && v != "true" && v != "false" {
			return fmt.Errorf("%s=%q is not true or false", name, v)
		}
	}
	return nil
}

// Canonical is the resource's one name, without a cursor.
func (u URI) Canonical() string {
	if u.Cluster {
		return "ergo://cluster"
	}
	s := "ergo://" + url.PathEscape(u.Node) + "/" + u.Lens
	if u.Target != "" {
		s += "/" + url.PathEscape(u.Target)
	}
	if q := u.Query.Encode(); q != "" {
		s += "?" + q
	}
	return s
}

// Data is what a refusal says of the resource.
func (u URI) Data(text string) any {
	d := map[string]string{"uri": text}
	if u.Node != "" {
		d["node"] = u.Node
	}
	return d
}

// ReadOnly are the tools of a listener that lets nobody write.
func ReadOnly() []Tool {
	return slices.DeleteFunc(All(), func(t Tool) bool { return t.Kind == Writes })
}

// NoTool is the refusal of a tool that does not exist.
func NoTool(q *Request) *Refusal {
	return Invalid(q, ergo.CodeInvalidParams, "there is no tool "+q.Name, map[string]string{"name": q.Name})
}

// LensOf is the resource that shows the same as a call of the tool.
func (t Tool) LensOf(args ergo.Args) *Lens {
	if t.Lens == "" {
		return nil
	}
	u := URI{Node: args.Text("node"), Lens: t.Lens}
	title := ""
	for _, l := range Lenses() {
		if l.Name == t.Lens {
			title = l.Title
		}
	}
	switch t.Name {
	case "connection":
		u.Target = args.Text("peer")
	case "event":
		u.Target = args.Text("name")
	}
	return &Lens{URI: u.Canonical(), Name: t.Lens, Title: title}
}

// CheckPID reads the identifier of a process of a node, which may leave the
// node out. Empty text is nobody.
func CheckPID(text, node string) (id uint64, creation int64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	named, numbers, ok := strings.Cut(text, ":")
	if !ok {
		named, numbers = node, text
	}
	if named != node {
		return 0, 0, fmt.Errorf("process %q: it names node %s, not %s, want [node:]ID.Creation", text, named, node)
	}
	f := strings.Split(numbers, ".")
	if len(f) != 2 {
		return 0, 0, fmt.Errorf("process %q: it holds %d numbers, not 2, want [node:]ID.Creation", text, len(f))
	}
	g, err := ergo.ParseGlobal(node+":"+numbers, 1)
	if err != nil {
		return 0, 0, fmt.Errorf("process %q: is not a decimal number, want [node:]ID.Creation", text)
	}
	return g.IDs[0], g.Creation, nil
}
