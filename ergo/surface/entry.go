package surface

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
)

// An Entry is an entry point. It is safe for concurrent use.
type Entry struct {
	address Address
	opts    live.Options

	probing   chan struct{}               // filled while it is found out which surface answers
	observers map[string]*observer.Caller // by URL: they remember what they follow
	mu        sync.Mutex
	found     finding // zero as long as nothing was found
}

// A finding is what was found at one of the URLs.
type finding struct {
	url    string
	road   ergo.Road
	caller interface {
		ergo.Caller
		Close()
	}
}

// Open makes an entry point of an address. Nothing is sent.
func Open(address string, opts live.Options) (*Entry, error) {
	a, err := Parse(address)
	if err != nil {
		return nil, err
	}
	if opts.Transport == nil {
		opts.Transport = live.NewTransport(opts.TLS)
	}
	return &Entry{address: a, opts: opts, probing: make(chan struct{}, 1), observers: map[string]*observer.Caller{}}, nil
}

// String is the URL of what was found, else of what is tried first.
func (e *Entry) String() string {
	if s := e.current(); s.url != "" {
		return s.url
	}
	return e.address.URLs[0]
}

// Close drops idle connections.
func (e *Entry) Close() {
	if s := e.current(); s.caller != nil {
		s.caller.Close()
	}
}

func (e *Entry) current() finding {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.found
}

// Road is the surface that was found, "" before any was.
func (e *Entry) Road() ergo.Road { return e.current().road }

// Find finds out which surface answers, unless that is known.
func (e *Entry) Find(ctx context.Context) (ergo.Road, error) {
	s, err := e.find(ctx)
	return s.road, err
}

func (e *Entry) find(ctx context.Context) (finding, error) {
	if s := e.current(); s.caller != nil {
		return s, nil
	}
	select {
	case e.probing <- struct{}{}:
		defer func() { <-e.probing }()
	case <-ctx.Done():
		return finding{}, ctx.Err()
	}
	if s := e.current(); s.caller != nil {
		return s, nil
	}
	s, err := e.search(ctx)
	if err != nil {
		return finding{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.found = s
	return s, nil
}

// tried is what came of a URL.
type tried struct {
	at int
	finding
	err error
}

// search tries the URLs beside each other, and takes the first in order that
// answers in time.
func (e *Entry) search(ctx context.Context) (finding, error) {
	urls := e.address.URLs
	if len(urls) == 1 {
		return e.probe(ctx, urls[0])
	}
	ctx, end := context.WithCancel(ctx)
	answers := make(chan tried, len(urls))
	var probing sync.WaitGroup
	defer probing.Wait()
	defer end()
	for i, u := range urls {
		probing.Go(func() {
			s, err := e.probe(ctx, u)
			answers <- tried{i, s, err}
		})
	}
	return best(answers, len(urls))
}

// best takes the first in order of n answers that is somebody's.
func best(answers <-chan tried, n int) (finding, error) {
	errs := make([]error, n)
	best := tried{at: n}
	var late <-chan time.Time
	for open := n; open > 0 && best.at > 0; {
		select {
		case t := <-answers:
			open--
			errs[t.at] = t.err
			if somebody := t.err == nil || errors.Is(t.err, live.ErrUnauthorized); somebody && t.at < best.at {
				best, late = t, time.After(ergo.Promptly)
			}
		case <-late:
			open = 0
		}
	}
	if best.at < n && best.err == nil {
		return best.finding, nil
	}
	return finding{}, errors.Join(errs...)
}

// probe finds out what answers at a URL.
func (e *Entry) probe(ctx context.Context, url string) (finding, error) {
	tools, err := live.NewEndpoint(url, e.opts)
	if err != nil {
		return finding{}, err
	}
	client, err := observer.New(url, e.opts)
	if err != nil {
		return finding{}, err
	}
	asTools := finding{url, ergo.RoadMCP, tools}
	asObserver := finding{url, ergo.RoadObserver, e.observer(url, client)}
	switch e.address.Road {
	case ergo.RoadMCP:
		return asTools, nil
	case ergo.RoadObserver:
		return asObserver, nil
	}
	status, header, body, err := tools.Probe(ctx)
	if err != nil {
		return finding{}, err
	}
	if observer.IsObserver(status, body) {
		return asObserver, nil
	}
	if status == http.StatusOK {
		return asTools, nil
	}
	if isRefusal := status == http.StatusUnauthorized || status == http.StatusForbidden; isRefusal && strings.Contains(string(body), `"jsonrpc"`) {
		_, err = client.Do(ctx, observer.MethodDiscover) // an Observer's listener: the error is in its words
		if err == nil {
			return asObserver, nil
		}
		return finding{}, err
	}
	return finding{}, tools.Refused(status, header, body)
}

// observer is the caller over an Observer at a URL, always the same one.
func (e *Entry) observer(url string, client *observer.Client) *observer.Caller {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.observers[url] == nil {
		e.observers[url] = observer.NewCaller(client)
	}
	return e.observers[url]
}

// Call implements [ergo.Caller].
func (e *Entry) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	s, err := e.find(ctx)
	if err != nil {
		return ergo.Answer{}, err
	}
	answer, err := s.caller.Call(ctx, call)
	if answer.Road == "" {
		answer.Road = s.road
	}
	var nobody *live.Error
	if errors.As(err, &nobody) && e.address.Road == "" && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		e.mu.Lock()
		if e.found.caller == s.caller {
			e.found = finding{} // another may be there next time
		}
		e.mu.Unlock()
	}
	return answer, err
}

// Observer is the caller over an Observer, nil where the entry point is none.
func (e *Entry) Observer() *observer.Caller {
	c, _ := e.current().caller.(*observer.Caller)
	return c
}

// Tools is the endpoint of the 48 tools, nil where the entry point is none.
func (e *Entry) Tools() *live.Endpoint {
	c, _ := e.current().caller.(*live.Endpoint)
	return c
}

// Spans reports whether the entry point reaches every node by itself and has
// no node of its own.
func (e *Entry) Spans() bool { return e.Observer() != nil }

// Nodes are the nodes that are asked for the cluster, where the entry point
// spans it.
func (e *Entry) Nodes() []string {
	if o := e.Observer(); o != nil {
		return o.Nodes()
	}
	return nil
}

// Whole reports whether answers of a node may be of any size.
func (e *Entry) Whole(node string) bool {
	o := e.Observer()
	return o != nil && o.Whole(node)
}

// Offers says whether a tool can be asked of a node.
func (e *Entry) Offers(node, tool string) ergo.Offer {
	if o := e.Observer(); o != nil {
		return o.Offers(node, tool)
	}
	if ergo.OfInspection(tool) {
		return ergo.Withheld
	}
	return ergo.Offered
}

// Describe says what was found, in words.
func (e *Entry) Describe() string {
	switch e.Road() {
	case ergo.RoadObserver:
		return fmt.Sprintf("%s: an Observer (Ergo 3.3)", e)
	case ergo.RoadMCP:
		return fmt.Sprintf("%s: the 48 tools", e)
	}
	return e.String()
}
