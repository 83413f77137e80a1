package door

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"time"
)

// A Bearer is a token that callers must show.
type Bearer interface {
	IsZero() bool
	Bears(authorization string) bool
}

// Options say who gets in, and what a call may cost. The zero value lets in
// programs and pages of the same address, over loopback.
type Options struct {
	Token Bearer // nil and zero: none is asked for
	// Hosts are names by which the server may be addressed, beside loopback
	// names and, with a token, addresses in numbers.
	Hosts []string
	// Origins are those of web pages that may call, beside the server's own:
	// "https://console.example.org".
	Origins []string
	// LocalPages lets pages of this machine call, whatever their port.
	LocalPages bool
	// CertFile and KeyFile, both or none, serve TLS.
	CertFile, KeyFile string
	// Types are the content types that a body may have; none: any.
	Types []string
	// MaxBody is the longest body. A longer one is cut off a byte behind it, so
	// that the handler sees that it is too long, and the connection ends.
	MaxBody int64
	// Admit decides in place of the token, where it is shown in another way. It
	// answers the request itself where it refuses.
	Admit func(http.ResponseWriter, *http.Request) bool
	// Calls is how many are answered at the same time; zero means 32. More wait
	// for their turn.
	Calls int

	limits limits // of a test; zero means those below
}

// The limits of every door.
type limits struct {
	connections int           // open at the same time
	header      time.Duration // for a request's header to come whole
	body        time.Duration // and its body
	idle        time.Duration // between two requests on a connection
	write       time.Duration // for a reader to take what one write gives it
	turn        time.Duration // to wait for one's turn
}

// standard: a header is at most some KiB, a body some MB, so seconds are plenty
// on any link over which the tools can be used; a recorder that samples asks
// again within 20 s, and else opens a new connection.
var standard = limits{connections: 1024, header: 5 * time.Second, body: 10 * time.Second, idle: 20 * time.Second, write: 30 * time.Second, turn: 10 * time.Second}

// maxHeader is the longest header, in bytes.
const maxHeader = 32 << 10

// callsAtOnce is the default of Options.Calls.
const callsAtOnce = 32

// A Door stands before the handlers of one listener, or of several that share
// what they may cost.
type Door struct {
	opt   Options
	turns chan struct{}
}

// New makes a door.
func New(opt Options) *Door {
	if opt.limits == (limits{}) {
		opt.limits = standard
	}
	if opt.Calls <= 0 {
		opt.Calls = callsAtOnce
	}
	return &Door{opt: opt, turns: make(chan struct{}, opt.Calls)}
}

// Guard lets through to the handler who may come in, when it is their turn.
func (d *Door) Guard(next http.Handler) http.Handler {
	return d.Public(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.admitted(w, r) {
			return
		}
		if !d.typed(r) {
			http.Error(w, fmt.Sprintf("a body must be one of %v", d.opt.Types), http.StatusUnsupportedMediaType)
			return
		}
		if err := d.readBody(w, r); err != nil {
			w.Header().Set("Connection", "close")
			http.Error(w, "the body did not come whole", http.StatusRequestTimeout)
			return
		}
		enter(r)
		if !d.turn(r.Context()) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, fmt.Sprintf("%d calls are being answered, and it was nobody's turn: try again", d.opt.Calls), http.StatusServiceUnavailable)
			return
		}
		defer func() { <-d.turns }()
		patient := &patientWriter{w, http.NewResponseController(w), d.opt.limits.write}
		defer patient.extend()
		next.ServeHTTP(patient, r)
	}))
}

// Public lets through all but foreign hosts and pages: for what needs no token
// and costs nothing.
func (d *Door) Public(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !d.hostAllowed(r):
			http.Error(w, "this server does not go by that host name (--allow-host)", http.StatusForbidden)
		case !d.originAllowed(r):
			http.Error(w, "pages of other sites may not call (--allow-origin)", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// tokened reports whether a token is asked for.
func (d *Door) tokened() bool { return d.opt.Token != nil && !d.opt.Token.IsZero() }

func (d *Door) admitted(w http.ResponseWriter, r *http.Request) bool {
	if d.opt.Admit != nil {
		return d.opt.Admit(w, r)
	}
	if !d.tokened() || d.opt.Token.Bears(r.Header.Get("Authorization")) {
		return true
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "the token is missing or wrong", http.StatusUnauthorized)
	return false
}

// typed reports whether the body, where there is one, is of a type that may come.
func (d *Door) typed(r *http.Request) bool {
	if len(d.opt.Types) == 0 || r.ContentLength == 0 {
		return true
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && slices.Contains(d.opt.Types, kind)
}

// readBody takes the body in, within its time: who sends it slowly holds up
// nobody's turn.
func (d *Door) readBody(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(d.opt.limits.body)) // not where there is no connection
	body, err := io.ReadAll(io.LimitReader(r.Body, d.opt.MaxBody+1))
	if err != nil {
		return err
	}
	if int64(len(body)) > d.opt.MaxBody {
		w.Header().Set("Connection", "close")
	}
	_ = c.SetReadDeadline(time.Time{})
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// turn waits for one's turn, and reports whether it came.
func (d *Door) turn(ctx context.Context) bool {
	select {
	case d.turns <- struct{}{}:
		return true
	default:
	}
	late := time.NewTimer(d.opt.limits.turn)
	defer late.Stop()
	select {
	case d.turns <- struct{}{}:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

// A patientWriter gives the reader time anew with every write; one that takes
// nothing is cut off.
type patientWriter struct {
	http.ResponseWriter
	c     *http.ResponseController
	write time.Duration
}

func (p *patientWriter) extend() { _ = p.c.SetWriteDeadline(time.Now().Add(p.write)) }

func (p *patientWriter) Write(b []byte) (int, error) {
	p.extend()
	return p.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (p *patientWriter) Flush() {
	p.extend()
	_ = p.c.Flush() // a reader that went away is seen at the next write
}

// Unwrap is for http.ResponseController.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Serve answers on the listener until ctx ends, and then lets calls under way
// end for a few seconds. A listener that others than this machine reach is
// refused without a token.
func (d *Door) Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	conf, err := d.check(l.Addr())
	if err != nil {
		return err
	}
	lim := d.opt.limits
	crowd := newCrowd(lim.connections)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: lim.header, IdleTimeout: lim.idle, MaxHeaderBytes: maxHeader,
		ConnContext: crowd.remember, ConnState: state, Protocols: protocols,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	within := crowd.within(l)
	if conf != nil {
		within = tls.NewListener(within, conf)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(within) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if srv.Shutdown(grace) != nil { // what does not end in time is cut off
		_ = srv.Close()
	}
	<-ended
	return nil
}

// stopTime is how long calls under way have to end.
const stopTime = 3 * time.Second

// Listen opens an address of a host and a port, and refuses one that others
// reach where no token is asked for.
func (d *Door) Listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if !d.tokened() && !isLoopback(host) {
		return nil, fmt.Errorf("listen on %s: an address other than loopback needs a bearer token (--token-file)", addr)
	}
	if _, err := d.tls(); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// check refuses a listener that others reach without a token.
func (d *Door) check(a net.Addr) (*tls.Config, error) {
	if tcp, ok := a.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && !d.tokened() {
		return nil, fmt.Errorf("serve on %s: other addresses than loopback need a token", a)
	}
	conf, err := d.tls()
	if err != nil {
		return nil, fmt.Errorf("serve on %s: %w", a, err)
	}
	return conf, nil
}

// tls is nil where TLS is not asked for.
func (d *Door) tls() (*tls.Config, error) {
	switch {
	case d.opt.CertFile == "" && d.opt.KeyFile == "":
		return nil, nil
	case d.opt.CertFile == "" || d.opt.KeyFile == "":
		return nil, errors.New("TLS needs a certificate and its key")
	}
	cert, err := tls.LoadX509KeyPair(d.opt.CertFile, d.opt.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

// Scheme is http, or https where TLS is served.
func (d *Door) Scheme() string {
	if d.opt.CertFile != "" {
		return "https"
	}
	return "http"
}
