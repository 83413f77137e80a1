package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ergorecorder/ergo/live"
	"ergorecorder/ergo/surface"
	"ergorecorder/internal/limit"
)

// tokenEnv is the environment variable that holds the token for all endpoints
// that have no file.
const tokenEnv = "ERGO_MCP_TOKEN"

// reach is how to reach the cluster.
type reach struct {
	endpoints []string
	tokens    []string // [endpoint=]FILE
	caFile    string
	timeout   time.Duration
	maxAnswer int64
	join      joinConfig
}

func (r *reach) add(fl *pflag.FlagSet) {
	fl.StringArrayVar(&r.endpoints, "endpoint", nil, "an entry point: host (ports 9922 and 9911 are tried), host:port or URL (default path /mcp); which surface answers is found out, observer+URL or mcp+URL says it; dns+ADDRESS is all hosts of a name, srv+NAME those of an SRV record, file+PATH those that a file lists, looked up again and again; repeatable")
	fl.StringArrayVar(&r.tokens, "token-file", nil, "a file with the bearer token: FILE for all endpoints or ENDPOINT=FILE for one; repeatable (default: $"+tokenEnv+")")
	fl.StringVar(&r.caFile, "ca-file", "", "certificates (PEM) that https endpoints are checked against")
	fl.DurationVar(&r.timeout, "timeout", 10*time.Second, "time-out of one call")
	fl.Int64Var(&r.maxAnswer, "max-answer", limit.MostAnswer, "how many bytes one answer may have; a longer one is refused")
	addJoinFlags(fl)
}

// router combines all ways into the cluster that were named; joined, if not
// nil, is one of them. Ways that come and go are looked for again and again.
func (r *reach) router(joined *joined, notify func(live.Notice)) (*live.Router, error) {
	if len(r.endpoints) == 0 && joined == nil {
		return nil, errors.New("no cluster is named: give --endpoint ADDRESS or --join NODE")
	}
	o, err := r.opener()
	if err != nil {
		return nil, err
	}
	o.joined = joined
	ways, err := o.lasting()
	if err != nil {
		return nil, err
	}
	router := live.NewRouter(ways, time.Now, notify)
	if o.changing {
		router.Follow(o.ways)
	}
	return router, nil
}

// opener is what opens the entry points that were named.
func (r *reach) opener() (*opener, error) {
	tokens, err := r.readTokens()
	if err != nil {
		return nil, err
	}
	o := &opener{tokens: tokens, timeout: r.timeout, maxAnswer: r.maxAnswer, had: map[string]live.Way{}, lookup: net.DefaultResolver, read: limit.Settings.ReadFile}
	if r.caFile != "" {
		if o.tls, err = readCA(r.caFile); err != nil {
			return nil, err
		}
	}
	for _, e := range r.endpoints {
		s, err := parseSource(e)
		if err != nil {
			return nil, err
		}
		o.sources = append(o.sources, s)
		o.changing = o.changing || s.kind != fixed
	}
	return o, nil
}

// readTokens reads the tokens, by the URL of their endpoint; "" is for all
// others.
func (r *reach) readTokens() (map[string]live.Token, error) {
	tokens := map[string]live.Token{"": live.NewToken(os.Getenv(tokenEnv))}
	for i, t := range r.tokens {
		urls, file, err := splitTokenFile(t)
		if err != nil {
			return nil, fmt.Errorf("token file %d: %w", i+1, err)
		}
		token, err := live.ReadToken(file)
		if err != nil {
			return nil, fmt.Errorf("token file %d: %w", i+1, err)
		}
		for _, url := range urls {
			tokens[url] = token
		}
	}
	return tokens, nil
}

// splitTokenFile takes [ENDPOINT=]FILE apart. The error does not repeat it:
// it may be a token.
func splitTokenFile(t string) (urls []string, file string, err error) {
	i := strings.LastIndexByte(t, '=')
	if i < 0 {
		return []string{""}, t, nil
	}
	address, err := surface.Parse(t[:i])
	if err != nil {
		return nil, "", errors.New("what is before = is no endpoint: give FILE or ENDPOINT=FILE")
	}
	return address.URLs, t[i+1:], nil
}

func readCA(file string) (*tls.Config, error) {
	pem, err := limit.Settings.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read certificates: %s holds none", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
