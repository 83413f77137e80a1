package coverage

import (
	"fmt"
	"strings"
	"time"

	"ergorecorder/ergo"
)

// A settler words the commands that would settle a doubt.
type settler struct {
	c    *Coverage
	path string
}

// host is where a node runs, by its name.
func host(node string) string {
	_, h, ok := strings.Cut(node, "@")
	if !ok || h == "" {
		return "HOST"
	}
	return h
}

// again records the cluster once more.
func (s settler) again(length time.Duration) string {
	h := "HOST"
	if len(s.c.Nodes) > 0 {
		h = host(s.c.Nodes[0].Name)
	}
	return fmt.Sprintf("record run --endpoint %s -o again.erg --for %s", h, minutes(length))
}

// anew records a node once more over the road over which it was recorded. What
// that road does not give, it will not give then: which one does, a check says.
func (s settler) anew(n Node, given bool) string {
	road := n.road()
	for i := 0; road == "" && i < len(s.c.Nodes); i++ { // it was not reached: as the others were
		road, given = s.c.Nodes[i].road(), true
	}
	switch road {
	case string(ergo.RoadSystem), string(ergo.RoadLink):
		if !given {
			return fmt.Sprintf("record check --endpoint %s --join %s --cookie-file COOKIE (which says over which road it is to be had)", host(n.Name), n.Name)
		}
		return fmt.Sprintf("record run --join %s --cookie-file COOKIE -o again.erg --for %s", n.Name, minutes(leastAgain))
	}
	return s.again(leastAgain)
}

// node records a node that was not seen.
func (s settler) node(name string) string {
	return fmt.Sprintf("record run --endpoint %s -o again.erg --for %s", host(name), minutes(max(s.c.To.Sub(s.c.From), leastAgain)))
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
