package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ergorecorder/internal/limit"
)

// A Pprof takes raw profiles from the /debug/pprof of one node (built with
// -tags=pprof).
type Pprof struct {
	base   string
	client *http.Client
}

// NewPprof makes one of a URL such as http://host:9009.
func NewPprof(address string) (*Pprof, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("pprof address: give a URL such as http://host:9009")
	}
	if u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("pprof address of %s: user names, passwords and queries do not belong here", u.Host)
	}
	base := strings.TrimSuffix(u.String(), "/")
	if !strings.HasSuffix(base, "/debug/pprof") {
		base += "/debug/pprof"
	}
	return &Pprof{base: base, client: Staying(nil)}, nil
}

// Profile returns the raw profile of a kind: heap, goroutine, or cpu over the
// given time.
func (p *Pprof) Profile(ctx context.Context, kind string, over time.Duration) ([]byte, error) {
	path := p.base + "/" + kind
	wait := DefaultTimeout
	if kind == "cpu" {
		path = p.base + "/profile?seconds=" + strconv.Itoa(max(1, int(over/time.Second)))
		wait += over
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, &Error{Endpoint: path, Err: err}
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, &Error{Endpoint: path, Err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &Error{Endpoint: path, Err: fmt.Errorf("HTTP %d", resp.StatusCode), Hint: "the node must be built with -tags=pprof"}
	}
	raw, err := limit.Profile.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, &Error{Endpoint: path, Err: err}
	case len(raw) < 2 || raw[0] != 0x1f || raw[1] != 0x8b:
		return nil, &Error{Endpoint: path, Err: fmt.Errorf("no pprof profile came")}
	}
	return raw, nil
}
