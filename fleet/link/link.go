package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/ergo/secret"
	"ergorecorder/fleet/shape"
)

// Options say where the engine is, who we are there, and how what is made there is kept.
type Options struct {
	// Hosts are nats:// or tls:// addresses, without a user or a password.
	Hosts []string
	// CredsFile is a file of NATS credentials, TokenFile one with a token; they are
	// read anew with each connection. None: the engine asks for none.
	CredsFile, TokenFile string
	// CAFile is who signs the engine's certificate; CertFile and KeyFile are our own.
	CAFile, CertFile, KeyFile string
	Name                      string // of this client, as the engine lists it
	Fleet                     string

	Replicas int           // of streams and buckets; 0: three in a cluster of servers, else one
	KeepAge  time.Duration // of messages; 0: for ever
	MaxBytes int64         // of a cluster's stream, beyond which it refuses; 0: without bound
	Notice   func(string)  // hears, in words, what becomes of the connection; nil: nobody
}

// A Link is a connection to the engine that mends itself.
type Link struct {
	opts Options
	conn *nats.Conn
	js   jetstream.JetStream

	made sync.Map // clusters whose stream is there
}

// Times of the connection. A connection over which nothing is answered is given up
// after two pings.
const (
	dialTime  = 3 * time.Second
	againTime = time.Second
	pingEvery = 4 * time.Second
	pingsOut  = 2
)

// Dial begins to connect; the engine need not be there.
func Dial(opts Options) (*Link, error) {
	if opts.Notice == nil {
		opts.Notice = func(string) {}
	}
	if err := shape.CheckName("fleet", opts.Fleet); err != nil {
		return nil, err
	}
	servers, err := addresses(opts.Hosts)
	if err != nil {
		return nil, err
	}
	auth, err := opts.authority()
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(servers, append(auth,
		nats.Name(opts.Name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.Timeout(dialTime), nats.ReconnectWait(againTime), nats.ReconnectJitter(againTime/4, againTime/4),
		nats.ReconnectBufSize(-1), nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsOut),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				opts.Notice("the fleet's engine is away: " + err.Error())
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { opts.Notice("the fleet's engine answers at " + where(c)) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { opts.Notice("the fleet's engine: " + err.Error()) }),
	)...)
	if err != nil {
		return nil, fmt.Errorf("engine %s: %w", servers, err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Link{opts: opts, conn: conn, js: js}, nil
}

// where is the address of the server, without what stands before it.
func where(c *nats.Conn) string {
	u, err := url.Parse(c.ConnectedUrl())
	if err != nil {
		return "?"
	}
	return u.Host
}

// defaultPort is that of NATS.
const defaultPort = "4222"

// addresses are the servers as the client takes them.
func addresses(hosts []string) (string, error) {
	var out []string
	for _, list := range hosts {
		for h := range strings.SplitSeq(list, ",") {
			if !strings.Contains(h, "://") {
				h = "nats://" + h
			}
			u, err := url.Parse(h)
			switch {
			case err != nil:
				return "", errors.New("engine: an address is no URL: give nats://HOST:PORT")
			case u.User != nil:
				return "", errors.New("engine: an address holds a secret: give it by --engine-creds FILE or --engine-token-file FILE")
			case u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "":
				return "", fmt.Errorf("engine %q: give nats://HOST:PORT or tls://HOST:PORT", h)
			}
			if u.Port() == "" {
				u.Host += ":" + defaultPort
			}
			out = append(out, u.Scheme+"://"+u.Host)
		}
	}
	if len(out) == 0 {
		return "", errors.New("engine: no address is given: nats://HOST:PORT")
	}
	return strings.Join(out, ","), nil
}

// authority is who we are, out of files that are looked at once before we begin.
func (o *Options) authority() (out []nats.Option, err error) {
	switch {
	case o.CredsFile != "" && o.TokenFile != "":
		return nil, errors.New("engine: give credentials or a token, not both")
	case o.CredsFile != "":
		if _, err := secret.Read(o.CredsFile); err != nil {
			return nil, fmt.Errorf("engine credentials: %w", err)
		}
		out = append(out, nats.UserCredentials(o.CredsFile))
	case o.TokenFile != "":
		if _, err := secret.Read(o.TokenFile); err != nil {
			return nil, fmt.Errorf("engine token: %w", err)
		}
		out = append(out, nats.TokenHandler(func() string {
			b, err := secret.Read(o.TokenFile)
			if err != nil {
				o.Notice("engine token: " + err.Error())
			}
			return strings.TrimSpace(string(b))
		}))
	}
	if o.CAFile == "" && o.CertFile == "" && o.KeyFile == "" {
		return out, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("engine certificates: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("engine certificates: %s holds none", o.CAFile)
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("engine certificate of our own: %w", secret.Unnamed(err))
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return append(out, nats.Secure(conf)), nil
}

// Close ends the connection.
func (l *Link) Close() { l.conn.Close() }

// Connected reports whether a server answers.
func (l *Link) Connected() bool { return l.conn.IsConnected() }

// Wait waits until a server answers.
func (l *Link) Wait(ctx context.Context) error {
	for !l.Connected() {
		select {
		case <-ctx.Done():
			why := l.Why()
			if why == nil {
				why = context.Cause(ctx)
			}
			return fmt.Errorf("the engine at %s does not answer: %w", strings.Join(l.opts.Hosts, ", "), why)
		case <-time.After(waitEvery):
		}
	}
	return nil
}

// waitEvery is how often Wait looks.
const waitEvery = 20 * time.Millisecond

// Why is why the last attempt to reach a server failed; nil where one answers, or
// none was tried.
func (l *Link) Why() error {
	if l.Connected() {
		return nil
	}
	return l.conn.LastError()
}

// JetStream is the client itself, for who reads.
func (l *Link) JetStream() jetstream.JetStream { return l.js }

// MaxPayload is how large a message may be, headers included; 0 while no server answers.
func (l *Link) MaxPayload() int64 { return l.conn.MaxPayload() }

// Hosts are where the engine is, as they were given.
func (l *Link) Hosts() string { return strings.Join(l.opts.Hosts, ",") }

// Replicas are how many copies of a message the engine keeps.
func (l *Link) Replicas() int {
	switch {
	case l.opts.Replicas > 0:
		return l.opts.Replicas
	case l.conn.ConnectedClusterName() != "":
		return 3
	}
	return 1
}

// duplicates is for how long the engine remembers what it was sent: a retry after
// that is stored again, and dropped by who reads it.
const duplicates = 30 * time.Minute

// Stream makes a cluster's stream where it is missing. One that is there stays as it is.
func (l *Link) Stream(ctx context.Context, cluster string) error {
	if _, made := l.made.Load(cluster); made {
		return nil
	}
	err := l.makeStream(ctx, cluster)
	if err == nil {
		l.made.Store(cluster, true)
	}
	return err
}

func (l *Link) makeStream(ctx context.Context, cluster string) error {
	name := shape.Stream(l.opts.Fleet, cluster)
	_, err := l.js.Stream(ctx, name)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	window := duplicates
	if l.opts.KeepAge > 0 {
		window = min(window, l.opts.KeepAge)
	}
	maxBytes := int64(-1)
	if l.opts.MaxBytes > 0 {
		maxBytes = l.opts.MaxBytes
	}
	_, err = l.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Description: "closed blocks and marks of a cluster's recorders", Subjects: []string{shape.All(l.opts.Fleet, cluster)},
		Discard: jetstream.DiscardNew, MaxBytes: maxBytes, MaxAge: l.opts.KeepAge, Duplicates: window,
		Storage: jetstream.FileStorage, Replicas: l.Replicas(), AllowDirect: true,
	})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another recorder was quicker
		return nil
	}
	return err
}
