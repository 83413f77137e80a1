package coverage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
)

// A settler words the commands that would settle a doubt.
type settler struct {
	c    *Coverage
	path string
	// What is the same for all nodes.
	joined bool   // one of them was asked as one of its cluster
	repeat string // records the cluster once more
}

func newSettler(c *Coverage, path string) settler {
	s := settler{c: c, path: path, joined: slices.ContainsFunc(c.Nodes, Node.joined)}
	s.repeat = s.again(leastAgain)
	return s
}

// host is where a node runs, by its name.
func host(node string) string {
	_, h, ok := strings.Cut(node, "@")
	if !ok || h == "" {
		return "HOST"
	}
	return h
}

// again records the cluster once more, over the same kind of road.
func (s settler) again(length time.Duration) string {
	var join []string
	for _, n := range s.c.Nodes {
		if n.joined() || !n.heard() { // who said nothing was not named, or not there
			join = append(join, "--join "+n.Name)
		}
	}
	if s.joined {
		return fmt.Sprintf("record run %s --cookie-file COOKIE -o again.erg --for %s", strings.Join(join, " "), minutes(length))
	}
	h := "HOST"
	if len(s.c.Nodes) > 0 {
		h = host(s.c.Nodes[0].Name)
	}
	return fmt.Sprintf("record run --endpoint %s -o again.erg --for %s", h, minutes(length))
}

// anew records the cluster once more. What a road did not give it will not give
// then either: whether another does, a check says.
func (s settler) anew(n Node, given bool) string {
	if !given && (n.joined() || n.over(ergo.RoadObserver)) {
		return fmt.Sprintf("record check --endpoint %s --join %s --cookie-file COOKIE (which says which road gives it, if one does)", host(n.Name), n.Name)
	}
	return s.repeat
}

// joined reports whether a node was asked over a link, as one of its cluster.
func (n Node) joined() bool { return n.over(ergo.RoadLink) || n.over(ergo.RoadSystem) }

// heard reports whether the node answered anything.
func (n Node) heard() bool {
	return slices.ContainsFunc(n.Readings, func(r Reading) bool { return r.Answers > 0 })
}

// over reports whether something of a node came over a road.
func (n Node) over(road ergo.Road) bool {
	return slices.ContainsFunc(n.Readings, func(r Reading) bool { return r.Road == string(road) })
}

// entry records what stands behind an entry point.
func (s settler) entry(address string) string {
	return fmt.Sprintf("record run --endpoint %s -o again.erg --for %s", address, minutes(max(s.c.To.Sub(s.c.From), leastAgain)))
}

// node records a node that was not seen.
func (s settler) node(name string) string {
	if s.joined {
		return s.unforwarded(name)
	}
	return s.entry(host(name))
}

// unforwarded asks a node for itself: what it is forwarded is cut.
func (s settler) unforwarded(node string) string {
	return fmt.Sprintf("record run --join %s --cookie-file COOKIE -o again.erg --for %s", node, minutes(max(s.c.To.Sub(s.c.From), leastAgain)))
}

// leastAgain is for how long a new recording goes on at least: in it every
// standard sampler gives what the detectors need.
const leastAgain = 3 * time.Minute

func (s settler) whole() string {
	return "analyze verify " + s.path + " (which names what is missing; only a whole copy of it can say more)"
}

func (s settler) apart() string {
	return "record import CAPTURE -o NEW.erg, each capture into an archive of its own"
}

func (s settler) later() string {
	return "analyze report " + s.path + " as the user of the recorder and on its machine, or once it has ended"
}

// minutes is a duration in whole minutes, as a flag takes it.
func minutes(d time.Duration) string {
	return fmt.Sprintf("%dm", int((d+time.Minute-1)/time.Minute))
}
