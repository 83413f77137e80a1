package ask

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/view"
)

// ErrNoOne: the address of a fleet stands for no one recording: nothing was shipped
// yet, or the fleet has several clusters and it names none.
var ErrNoOne = errors.New("the address stands for no one recording")

// A Watched is a fleet that is looked at again and again.
type Watched struct {
	place
	link *link.Link
}

// Watch connects to the engine of a fleet's address. It need not be there.
func Watch(address string, o link.Options) (*Watched, error) {
	p, err := parseFleet(address)
	if err != nil {
		return nil, err
	}
	l, err := p.dial(o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	return &Watched{p, l}, nil
}

// dial begins to connect to the fleet's engine.
func (p place) dial(o link.Options) (*link.Link, error) {
	o.Hosts, o.Fleet, o.Name = []string{p.hosts}, p.fleet, "ergo-analyze"
	return link.Dial(o)
}

// Fleet is the fleet as its engine tells it now.
func (w *Watched) Fleet(ctx context.Context) (*view.Fleet, error) {
	if err := w.link.Wait(ctx); err != nil {
		return nil, err
	}
	return view.Read(ctx, w.link, w.fleet)
}

// Of is the address of one cluster of the fleet, up to its name.
func (w *Watched) Of() string { return FleetScheme + w.fleet + "@" + w.hosts + "/" }

// Close ends it.
func (w *Watched) Close() { w.link.Close() }

// IsFleet reports whether a path is the address of a fleet.
func IsFleet(path string) bool { return strings.HasPrefix(path, FleetScheme) }
