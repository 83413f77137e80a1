package main

import (
	"errors"
	"net"
	"path/filepath"

	"github.com/spf13/cobra"

	"ergorecorder/escape"
	"ergorecorder/fleet/engine"
)

// defaultListen is where NATS is looked for, on this machine alone.
const defaultListen = "127.0.0.1:4222"

func newEngine() *cobra.Command {
	var o engine.Options
	cmd := &cobra.Command{
		Use:   "engine --dir DIR",
		Short: "Run an engine on this machine until told to stop",
		Long: `Engine runs a NATS server with JetStream, from the server's own library. It
listens on this machine alone unless --listen says otherwise, and asks for a token,
which it makes at the first start. Three of them, each with --cluster-listen and
the others as --route, keep three copies of everything and survive the loss of one.`,
		Example: `  fleet engine --dir /var/lib/ergo-fleet
  record run --endpoint 10.0.0.5 -o /var/lib/erg/ --fleet prod --engine nats://127.0.0.1:4222 --engine-token-file /var/lib/ergo-fleet/token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runEngine(cmd, o) },
	}
	fl := cmd.Flags()
	fl.StringVar(&o.Dir, "dir", "", "where messages are kept")
	fl.StringVar(&o.Listen, "listen", defaultListen, "where recorders and readers reach it; another machine's need --tls-cert, or a network of your own")
	fl.StringVar(&o.TokenFile, "token-file", "", "file with the token that clients have to know; it is made if it is not there (default: DIR/token)")
	fl.StringVar(&o.CertFile, "tls-cert", "", "file with the engine's certificate")
	fl.StringVar(&o.KeyFile, "tls-key", "", "file with its key")
	fl.Int64Var(&o.MaxBytes, "max-bytes", 0, "how many bytes it keeps in all, beyond which it refuses (default: three quarters of what the disk has free)")
	fl.StringVar(&o.Name, "name", "", "its name among the engines of a cluster")
	fl.StringVar(&o.ClusterListen, "cluster-listen", "", "where the other engines reach it; with --name and --route")
	fl.StringArrayVar(&o.Routes, "route", nil, "where another engine is: nats://HOST:PORT, its --cluster-listen (repeatable)")
	_ = cmd.MarkFlagRequired("dir")
	return cmd
}

func runEngine(cmd *cobra.Command, o engine.Options) error {
	if o.TokenFile == "" {
		o.TokenFile = filepath.Join(o.Dir, "token")
	}
	if o.ClusterListen != "" {
		if o.Name == "" || len(o.Routes) == 0 {
			return errors.New("an engine of a cluster needs --name and a --route to another")
		}
		o.Cluster = "fleet"
	}
	e, err := engine.Start(o)
	if err != nil {
		return err
	}
	defer e.Close()
	out := cmd.ErrOrStderr()
	escape.Fprintf(out, "fleet: engine on %s, its token in %s, its messages in %s\n", e.URL(), o.TokenFile, o.Dir)
	if host, _, err := net.SplitHostPort(o.Listen); err == nil && o.CertFile == "" && !loopback(host) {
		escape.Fprintf(out, "fleet: it is reached from other machines without TLS: whoever sees the network sees the token\n")
	}
	<-cmd.Context().Done()
	return nil
}

// loopback reports whether an address is reached from this machine alone.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
