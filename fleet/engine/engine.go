// Package engine runs a fleet's engine: the NATS server with JetStream, from its own
// library. Only cmd/fleet and tests carry it; everyone else reaches an engine
// through package link.
package engine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"ergorecorder/ergo/secret"
)

// Options of an engine.
type Options struct {
	Dir      string // where it keeps its messages
	Listen   string // HOST:PORT; port 0 is any that is free
	MaxBytes int64  // of all that it keeps; 0: as the server has it, three quarters of the disk's room
	// TokenFile holds what clients have to know; it is made where it is missing. "": the
	// engine asks for nothing.
	TokenFile         string
	CertFile, KeyFile string // of TLS; "": none

	// Of a cluster of engines: its name, our own in it, where the others reach us and where they are.
	Cluster, Name, ClusterListen string
	Routes                       []string // nats://HOST:PORT
	// Change has the last word on the server's options; for tests.
	Change func(*server.Options)
}

// An Engine is a server that runs.
type Engine struct{ s *server.Server }

// readyTime is how long a server may take to begin.
const readyTime = 10 * time.Second

// Start starts an engine and returns when it takes connections.
func Start(o Options) (*Engine, error) {
	opts, err := o.server()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	said := &complaints{}
	s.SetLoggerV2(said, false, false, false)
	s.Start()
	if !s.ReadyForConnections(readyTime) {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start the engine on %s with %s: it takes no connections: %s", o.Listen, o.Dir, said.last())
	}
	return &Engine{s}, nil
}

// server are the options as the library has them.
func (o *Options) server() (*server.Options, error) {
	host, port, err := split(o.Listen)
	if err != nil {
		return nil, err
	}
	if o.Dir == "" {
		return nil, errors.New("no directory is named")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	opts := &server.Options{
		ServerName: o.Name, Host: host, Port: port, NoSigs: true, JetStream: true, StoreDir: o.Dir, JetStreamMaxStore: o.MaxBytes,
		SyncInterval: syncEvery, DisableJetStreamBanner: true, NoLog: true,
	}
	if o.TokenFile != "" {
		if opts.Authorization, err = Token(o.TokenFile); err != nil {
			return nil, err
		}
	}
	if o.CertFile != "" || o.KeyFile != "" {
		t := server.TLSConfigOpts{CertFile: o.CertFile, KeyFile: o.KeyFile, Timeout: 5}
		if opts.TLSConfig, err = server.GenTLSConfig(&t); err != nil {
			return nil, secret.Unnamed(err)
		}
		opts.TLS, opts.TLSTimeout = true, t.Timeout
	}
	if o.Cluster != "" {
		if err := o.join(opts); err != nil {
			return nil, err
		}
	}
	if o.Change != nil {
		o.Change(opts)
	}
	return opts, nil
}

// syncEvery is how long what a single server acknowledged may not be on its disk: a power
// cut of the engine's machine takes at most that, which its recorders' own archives hold.
const syncEvery = 10 * time.Second

// join makes the server one of a cluster.
func (o *Options) join(opts *server.Options) (err error) {
	opts.Cluster.Name = o.Cluster
	if opts.Cluster.Host, opts.Cluster.Port, err = split(o.ClusterListen); err != nil {
		return err
	}
	opts.Cluster.Username, opts.Cluster.Password = "fleet", opts.Authorization
	for _, r := range o.Routes {
		u, err := url.Parse(r)
		if err != nil || u.Host == "" || u.User != nil {
			return errors.New("a route to another engine: give nats://HOST:PORT")
		}
		u.User = url.UserPassword("fleet", opts.Authorization)
		opts.Routes = append(opts.Routes, u)
	}
	return nil
}

func split(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = net.LookupPort("tcp", text)
	}
	if err != nil {
		return "", 0, fmt.Errorf("address %q: give HOST:PORT", address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// Token is what a file holds, which is made where it is missing.
func Token(file string) (string, error) {
	b, err := secret.Read(file)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return "", err
		}
		var r [24]byte
		if _, err := rand.Read(r[:]); err != nil {
			return "", err
		}
		b = []byte(hex.EncodeToString(r[:]))
		err = secret.Create(file, append(b, '\n'))
		if err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	if token := trim(b); token != "" {
		return token, nil
	}
	return "", fmt.Errorf("%s is empty", file)
}

func trim(b []byte) string {
	for len(b) > 0 && (b[len(b)-1] == '\n' || b[len(b)-1] == '\r') {
		b = b[:len(b)-1]
	}
	return string(b)
}

// URL is where clients reach the engine.
func (e *Engine) URL() string { return e.s.ClientURL() }

// Close ends the engine and returns when all of it has ended.
func (e *Engine) Close() {
	e.s.Shutdown()
	e.s.WaitForShutdown()
}
