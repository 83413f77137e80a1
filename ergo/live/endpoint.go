package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"ergorecorder/ergo"
	"ergorecorder/ergo/redact"
	"ergorecorder/internal/limit"
)

// Defaults of an endpoint.
const (
	DefaultPort      = "9922"
	DefaultPath      = "/mcp"
	DefaultTimeout   = 30 * time.Second
	DefaultMaxAnswer = limit.MostAnswer
	// grace is what a forwarded call may take beyond the time-out that it
	// gives the forwarding node.
	grace = 2 * time.Second
)

// Options of an Endpoint. The zero value works.
type Options struct {
	Token Token
	// Timeout bounds a call that names no time-out of its own (argument
	// "timeout", in seconds); zero means DefaultTimeout.
	Timeout time.Duration
	// MaxAnswer bounds the size of an answer in bytes; zero means
	// DefaultMaxAnswer.
	MaxAnswer int64
	// Transport carries the requests; nil means one of the endpoint's own.
	Transport http.RoundTripper
	// TLS is used where Transport is nil.
	TLS *tls.Config
	// Now stamps answers; nil means the system's clock.
	Now func() time.Time
}

// An Endpoint is the MCP endpoint of one node. It is an [ergo.Caller]: a call
// without a node, or with the endpoint's own, is answered there; any other is
// forwarded by it.
type Endpoint struct {
	url    string
	opts   Options
	client *http.Client
	bodies *limit.Bodies
	id     atomic.Int64
}

// NewEndpoint makes an endpoint of an address: a host, host:port (the default
// is 9922) or an http or https URL (the default path is /mcp). Nothing is sent.
func NewEndpoint(address string, opts Options) (*Endpoint, error) {
	u, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.MaxAnswer <= 0 {
		opts.MaxAnswer = DefaultMaxAnswer
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Transport == nil {
		opts.Transport = NewTransport(opts.TLS)
	}
	return &Endpoint{url: u, opts: opts, client: Staying(opts.Transport), bodies: limit.NewBodies()}, nil
}

// NewTransport is the transport of an endpoint that was given none.
func NewTransport(conf *tls.Config) http.RoundTripper { return newTransport(conf) }

func newTransport(conf *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     conf,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

// TransportTo is the transport of an endpoint that is dialled at the given host,
// whatever its name resolves to; certificates are checked for the name.
func TransportTo(host string, conf *tls.Config) http.RoundTripper {
	t := newTransport(conf)
	t.Proxy = nil
	dialer := net.Dialer{Timeout: 10 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
	}
	return t
}

// ParseAddress completes an endpoint's address to a URL; see [NewEndpoint].
func ParseAddress(address string) (string, error) {
	bad := func(why string) (string, error) {
		named := address
		if strings.ContainsAny(named, "@?") { // it may hold a password or a token
			named = redact.NotKept
		}
		return "", fmt.Errorf("endpoint %q: %s: give host, host:port or a URL such as http://host:%s%s", named, why, DefaultPort, DefaultPath)
	}
	s := strings.TrimSpace(address)
	if !strings.Contains(s, "://") {
		if strings.Count(s, ":") > 1 && !strings.HasPrefix(s, "[") {
			s = "[" + s + "]" // a bare IPv6 address
		}
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return bad("not an address")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("unknown scheme " + u.Scheme)
	case u.Hostname() == "":
		return bad("no host")
	case u.User != nil:
		return bad("user names and passwords do not belong here")
	case u.RawQuery != "":
		return bad("a query does not belong here; tokens are given in files")
	}
	if u.Port() == "" && !strings.Contains(address, "://") {
		u.Host = net.JoinHostPort(u.Hostname(), DefaultPort)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = DefaultPath
	}
	return u.String(), nil
}

// String is the endpoint's URL.
func (e *Endpoint) String() string { return e.url }

// Close drops idle connections. Calls under way go on.
func (e *Endpoint) Close() { e.client.CloseIdleConnections() }

// Call implements [ergo.Caller].
func (e *Endpoint) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	args, asked := call.Args, call.Tool
	if call.Node != "" {
		args, asked = args.With("node", call.Node), call.Tool+" forwarded"
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout(call.Args))
	defer cancel()
	begin := e.opts.Now()
	x, err := e.exchange(ctx, "tools/call", asked, map[string]any{"name": call.Tool, "arguments": json.RawMessage(args.JSON())})
	answer := ergo.Answer{At: e.opts.Now()}
	answer.Took = answer.At.Sub(begin)
	if x.header != nil {
		answer.Clock, answer.At, answer.Observed = Clocked(x.header, answer.At)
	}
	if err != nil {
		return answer, err
	}
	if text, ok := plainText(x.body, x.id); ok {
		answer.Text = text
		return answer, nil
	}
	result, err := decodeReply(x.body, x.id)
	if err == nil {
		answer.Text, answer.IsError, err = ergo.ContentText(result)
	}
	return answer, e.misspoken(x, err)
}

// misspoken is the error of an answer that is no MCP, or the refusal that an
// answer is.
func (e *Endpoint) misspoken(x exchange, err error) error {
	if err == nil || ergo.AsToolError(err) != nil {
		return err
	}
	return &Error{Endpoint: e.url, Err: fmt.Errorf("%w: %w", ErrNotMCP, err), Hint: "it answers " + kindOf(http.StatusOK, x.header)}
}

func (e *Endpoint) timeout(args ergo.Args) time.Duration {
	if s, ok := args.Int("timeout"); ok && s > 0 && s < 3600 {
		return time.Duration(s)*time.Second + grace
	}
	return e.opts.Timeout
}

// Do makes one JSON-RPC call of any method ("initialize", "tools/list", …) and
// returns its result. What the endpoint refuses is an [*ergo.ToolError].
func (e *Endpoint) Do(ctx context.Context, method string, params any) (json.RawMessage, error) {
	x, err := e.exchange(ctx, method, method, params)
	if err != nil {
		return nil, err
	}
	result, err := decodeReply(x.body, x.id)
	return result, e.misspoken(x, err)
}

// Probe asks the endpoint for a sign of life and returns what came, whatever
// it is.
func (e *Endpoint) Probe(ctx context.Context) (status int, header http.Header, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	resp, err := e.post(ctx, fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%d,"method":"ping"}`, e.id.Add(1)))
	if err != nil {
		return 0, nil, nil, e.fail(ctx, err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, saidMost))
	if err != nil {
		return 0, nil, nil, e.fail(ctx, fmt.Errorf("read answer: %w", err))
	}
	return resp.StatusCode, resp.Header, body, nil
}

// Refused is the error of an answer of another status than that of success.
func (e *Endpoint) Refused(status int, header http.Header, body []byte) error {
	return e.refused(status, header, body)
}

// An exchange is a request and the answer that came, unread.
type exchange struct {
	id     int64
	header http.Header // nil where no answer began
	body   []byte
}

// exchange posts one JSON-RPC request, which is told from others by what is asked.
// Without an error the answer is of status 200 or 202.
func (e *Endpoint) exchange(ctx context.Context, method, asked string, params any) (x exchange, err error) {
	x.id = e.id.Add(1)
	body := map[string]any{"jsonrpc": "2.0", "id": x.id, "method": method}
	if params != nil {
		body["params"] = params
	}
	text, err := json.Marshal(body)
	if err != nil {
		return x, fmt.Errorf("encode %s: %w", method, err)
	}
	resp, err := e.post(ctx, text)
	if err != nil {
		return x, e.fail(ctx, err)
	}
	defer resp.Body.Close()
	if err := e.checkStatus(resp); err != nil {
		return x, err
	}
	x.header = resp.Header
	if x.body, err = e.read(ctx, asked, resp); err != nil {
		return x, e.fail(ctx, err)
	}
	return x, nil
}

func (e *Endpoint) post(ctx context.Context, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	e.opts.Token.Authorize(req.Header)
	return e.client.Do(req)
}

// read takes in the whole body of the answer to a question, up to the limit.
func (e *Endpoint) read(ctx context.Context, asked string, resp *http.Response) ([]byte, error) {
	b, err := e.bodies.ReadAll(ctx, resp.Body, asked, resp.ContentLength, e.opts.MaxAnswer)
	if err != nil && !errors.Is(err, limit.ErrOver) {
		err = fmt.Errorf("read answer: %w", err)
	}
	return b, err
}

func (e *Endpoint) checkStatus(resp *http.Response) error {
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusAccepted {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, saidMost)) // as far as it can be read
	return e.refused(resp.StatusCode, resp.Header, body)
}

func (e *Endpoint) refused(status int, header http.Header, body []byte) error {
	fail := func(err error, hint string) error {
		err = fmt.Errorf("%w: HTTP %d", err, status)
		if words := saidBy(body); words != "" {
			err = fmt.Errorf("%w, it says %q", err, words)
		}
		return &Error{Endpoint: e.url, Err: err, Hint: hint}
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		if e.opts.Token.IsZero() {
			return fail(ErrUnauthorized, "it wants a token: --token-file FILE or ERGO_MCP_TOKEN")
		}
		return fail(ErrUnauthorized, "it wants another token than the one given")
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return fail(ErrNotMCP, "the path is usually "+DefaultPath)
	case status >= 300 && status < 400:
		return fail(ErrNotMCP, "it redirects to "+header.Get("Location")+", which is not followed")
	}
	return fail(ErrNotMCP, "it answers "+kindOf(status, header))
}

// fail words an error of the transport.
func (e *Endpoint) fail(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the method and URL, which are said already
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return &Error{Endpoint: e.url, Err: err}
}

// saidMost is as much of an unexpected answer as is read for its words.
const saidMost = 4096

// Words are what may help with an answer that is none: its kind and what it
// says.
func Words(status int, header http.Header, body []byte) string {
	s := "it answers " + kindOf(status, header)
	if words := saidBy(body); words != "" {
		s += fmt.Sprintf(", and says %q", words)
	}
	return s
}

// saidBy is what an answer of an unexpected kind says: the message of a
// JSON-RPC error, the title of a page, or the beginning of its text.
func saidBy(body []byte) string {
	var r struct{ Error struct{ Message string } }
	if json.Unmarshal(body, &r) == nil && r.Error.Message != "" {
		return shorten(r.Error.Message)
	}
	text := strings.TrimSpace(string(body))
	if !utf8.ValidString(text) {
		return ""
	}
	if strings.HasPrefix(text, "<") {
		text = titleOf(text)
	}
	return shorten(redact.Text(text))
}

// titles are what a page is called: its title, else its first heading.
var titles = regexp.MustCompile(`(?is)<(?:title|h1)[^>]*>([^<]+)<`)

// titleOf is what a page is called, "" where it does not say.
func titleOf(page string) string {
	m := titles.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(html.UnescapeString(m[1])), " ")
}

// shorten is the first line of a text, and not too much of it.
func shorten(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}

// kindOf says what an answer is by its header.
func kindOf(status int, header http.Header) string {
	t, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t = "nothing that says its type"
	}
	return "HTTP " + strconv.Itoa(status) + ", " + t
}
