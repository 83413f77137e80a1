package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"time"

	"ergorecorder/internal/limit"
)

// Options of a Cluster. Node, Cookie and Targets must be set; everything else
// works as its zero value.
type Options struct {
	Node    string // our own name, name@host, used by no other node
	Cookie  Cookie
	Targets []Target
	// TLS wants every link in TLS. Certificates are checked by the digest
	// that the handshake ties to the cookie, not by an authority.
	TLS bool
	// FollowRoutes allows addresses that no Target names: nodes that others
	// name are dialled too, where the registrar of their host says.
	FollowRoutes bool
	// Logs are the levels of the log lines that nodes push: trace, debug,
	// info, warning, error, panic. None: they push none.
	Logs []string
	// Events are the names of events that are followed on every node that
	// has them.
	Events []string

	Timeout time.Duration // of a call that names no time-out of its own; 0 is 30 s
	Step    time.Duration // of one message of a handshake; 0 is 5 s
	Limit   int           // the longest frame that is taken, in bytes; 0 is limit.MostAnswer

	// Notify hears of every change of a node; it must return at once and must
	// not call the cluster. Nil means nobody does.
	Notify func(Notice)

	// The world; nil is the real one.
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
	Now    func() time.Time
	Random io.Reader      // salts
	Jitter func() float64 // numbers in [0, 1) that spread attempts
}

// Time limits that nobody needs to change.
const (
	dialTime    = 3 * time.Second
	resolveTime = 3 * time.Second
	patience    = 10 * time.Second // with a peer that takes nothing of what we write
	confirmTime = 5 * time.Second  // for the first answer over a new link
	firstRest   = time.Second      // between attempts to join a node, doubled
	lastRest    = time.Minute      // up to this
	renewTime   = 30 * time.Second // between attempts to follow what a node does not push
)

// maxNodes bounds how many nodes are joined because others named them.
const maxNodes = 1000

func (o *Options) complete() error {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Step <= 0 {
		o.Step = 5 * time.Second
	}
	if o.Limit <= 0 {
		o.Limit = limit.MostAnswer
	}
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialTime, KeepAlive: 15 * time.Second}).DialContext
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Jitter == nil {
		o.Jitter = mathrand.Float64
	}
	return o.check()
}

func (o *Options) check() error {
	var errs []error
	self, err := ParseTarget(o.Node)
	if err == nil && self.Port != 0 {
		err = fmt.Errorf("node %q: our own node listens on no port", o.Node)
	}
	errs = append(errs, err)
	if o.Cookie.IsZero() {
		errs = append(errs, errors.New("no cookie: --cookie-file FILE or ERGO_COOKIE"))
	}
	if len(o.Targets) == 0 {
		errs = append(errs, errors.New("no node to join"))
	}
	for _, t := range o.Targets {
		if t.Node == o.Node {
			errs = append(errs, fmt.Errorf("node %q: our own name must be used by no other node", o.Node))
		}
	}
	_, err = levelNumbers(o.Logs)
	return errors.Join(append(errs, err)...)
}
