package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo/live"
	"ergorecorder/ergo/surface"
)

// A source says where entry points are: at an address that stays, or at those
// that a name or a file has at the moment.
type source struct {
	kind string
	of   string // an address, the name of an SRV record, or a path
}

// The kinds of sources, by what stands before them in --endpoint.
const (
	fixed   = ""
	byName  = "dns+"
	bySRV   = "srv+"
	listed  = "file+"
	noLines = "lists no entry point"
)

// parseSource takes an --endpoint apart.
func parseSource(endpoint string) (source, error) {
	s := source{fixed, endpoint}
	for _, kind := range []string{byName, bySRV, listed} {
		if rest, ok := strings.CutPrefix(endpoint, kind); ok {
			s = source{kind, rest}
		}
	}
	switch s.kind {
	case fixed, byName:
		_, err := surface.Parse(s.of)
		return s, err
	}
	if s.of == "" {
		return s, fmt.Errorf("endpoint %q: nothing is named", endpoint)
	}
	return s, nil
}

// A place is where one entry point is: its address, and the host to dial for
// it if that is another than the address names.
type place struct{ address, host string }

// resolver looks names up; net.Resolver is one.
type resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// An opener opens entry points, and keeps those that are open.
type opener struct {
	sources   []source
	changing  bool // some of them have other entry points at other times
	joined    *joined
	tokens    map[string]live.Token
	tls       *tls.Config
	timeout   time.Duration
	maxAnswer int64
	lookup    resolver
	read      func(path string) ([]byte, error)
	had       map[string]live.Way
}

// ways are the ways that there are at the moment. Of a source that fails there are
// none, and the error says that they are not all: who has an entry point is not known
// then.
func (o *opener) ways(ctx context.Context) ([]live.Way, error) {
	places, errs := make([][]place, len(o.sources)), make([]error, len(o.sources))
	var looking sync.WaitGroup
	for i, s := range o.sources {
		looking.Go(func() {
			if places[i], errs[i] = o.places(ctx, s); errs[i] != nil {
				errs[i] = fmt.Errorf("endpoint %s%s: %w", s.kind, s.of, errs[i])
			}
		})
	}
	looking.Wait()
	var ways []live.Way
	for _, p := range slices.Concat(places...) {
		w, err := o.open(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ways = append(ways, w)
	}
	if o.joined != nil {
		ways = append(ways, o.joined.way())
	}
	return ways, errors.Join(errs...)
}

// lasting are the ways whose address is known without looking it up.
func (o *opener) lasting() ([]live.Way, error) {
	lasting := *o
	lasting.sources = slices.DeleteFunc(slices.Clone(o.sources), func(s source) bool { return s.kind != fixed })
	return lasting.ways(context.Background())
}

// places are where the entry points of a source are.
func (o *opener) places(ctx context.Context, s source) ([]place, error) {
	switch s.kind {
	case byName:
		return o.named(ctx, s.of)
	case bySRV:
		return o.served(ctx, s.of)
	case listed:
		return o.listed(s.of)
	}
	return []place{{address: s.of}}, nil
}

// named are the hosts that the name in an address stands for.
func (o *opener) named(ctx context.Context, address string) ([]place, error) {
	a, err := surface.Parse(address)
	if err != nil {
		return nil, err
	}
	hosts, err := o.lookup.LookupHost(ctx, a.Host())
	if err != nil {
		return nil, err
	}
	slices.Sort(hosts)
	places := make([]place, len(hosts))
	for i, h := range hosts {
		places[i] = place{address, h}
	}
	return places, nil
}

// served are the hosts and ports of an SRV record.
func (o *opener) served(ctx context.Context, name string) ([]place, error) {
	_, records, err := o.lookup.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, err
	}
	var places []place
	for _, r := range records {
		host := strings.TrimSuffix(r.Target, ".")
		places = append(places, place{address: net.JoinHostPort(host, strconv.Itoa(int(r.Port)))})
	}
	return places, nil
}

// listed are the addresses in a file, a line each; # begins a remark.
func (o *opener) listed(path string) ([]place, error) {
	text, err := o.read(path)
	if err != nil {
		return nil, err
	}
	var places []place
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			places = append(places, place{address: line})
		}
	}
	if len(places) == 0 {
		return nil, errors.New(noLines)
	}
	return places, nil
}

// open makes the caller of an entry point, once: the one place where they are
// made.
func (o *opener) open(p place) (live.Way, error) {
	a, err := surface.Parse(p.address)
	if err != nil {
		return live.Way{}, err
	}
	key := p.address + " " + p.host
	if w, ok := o.had[key]; ok {
		return w, nil
	}
	opts := live.Options{Token: o.tokens[""], TLS: o.tls, Timeout: o.timeout, MaxAnswer: o.maxAnswer}
	for _, url := range a.URLs {
		if own, ok := o.tokens[url]; ok {
			opts.Token = own
		}
	}
	if p.host != "" {
		opts.Transport = live.TransportTo(p.host, o.tls)
	}
	e, err := surface.Open(p.address, opts)
	if err != nil {
		return live.Way{}, err
	}
	w := live.Way{Name: e.String(), Caller: e}
	if p.host != "" {
		w.Name += " at " + p.host
	}
	if o.joined != nil {
		w = o.joined.hide(w)
	}
	o.had[key] = w
	return w, nil
}
