package observer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/internal/limit"
)

// DefaultTimeout bounds one call: the endpoint cuts requests after 15 s.
const DefaultTimeout = 17 * time.Second

// A Client speaks with one Observer. It is safe for concurrent use.
type Client struct {
	url    string
	opts   live.Options
	client *http.Client
	bodies *limit.Bodies
	id     atomic.Int64
}

// New makes a client of the URL of an endpoint; see [live.ParseAddress].
// Nothing is sent.
func New(address string, opts live.Options) (*Client, error) {
	u, err := live.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.MaxAnswer <= 0 {
		opts.MaxAnswer = live.DefaultMaxAnswer
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Transport == nil {
		opts.Transport = live.NewTransport(opts.TLS)
	}
	return &Client{url: u, opts: opts, client: live.Staying(opts.Transport), bodies: limit.NewBodies()}, nil
}

// String is the endpoint's URL.
func (c *Client) String() string { return c.url }

// Close drops idle connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// A Result is what a tool, or a resource, said.
type Result struct {
	Text []byte // the JSON text, nil where there was none
	// Meta is what the answer says of itself; see the Meta constants.
	Meta map[string]json.RawMessage
	// URI is the canonical name of a resource that was read.
	URI  string
	At   time.Time
	Took time.Duration
	// Clock and Observed are set by a replay.
	Clock    *ergo.Clock
	Observed bool
}

func (r *Result) text() []byte {
	if r == nil {
		return nil
	}
	return r.Text
}

// Dropped reports whether batches were lost between the cursor and the answer.
func (r *Result) Dropped() bool { return string(r.Meta[MetaDropped]) == "true" }

// NextSeq is the cursor from which to read on, "" where there is none.
func (r *Result) NextSeq() string {
	var s string
	_ = json.Unmarshal(r.Meta[MetaNextSeq], &s) // absent: none
	return s
}

// Tool calls a tool. What it refuses is an [*ergo.ToolError]; the result's
// times are valid then too.
func (c *Client) Tool(ctx context.Context, name string, args ergo.Args) (*Result, error) {
	params := map[string]any{"name": name, "arguments": json.RawMessage(args.JSON())}
	r, text, err := c.do(ctx, MethodCall, name, params)
	if err != nil {
		return r, err
	}
	var said struct {
		Content []struct {
			Type string  `json:"type"`
			Text *string `json:"text"`
		} `json:"content"`
		IsError bool                       `json:"isError"`
		Meta    map[string]json.RawMessage `json:"_meta"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return r, c.misspoken(fmt.Errorf("result of %s: %w", name, err))
	}
	r.Meta = said.Meta
	for _, item := range said.Content {
		if item.Type == "text" && item.Text != nil {
			r.Text = []byte(*item.Text)
			break
		}
	}
	if said.IsError {
		refused := &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: string(r.Text)}
		r.Text = nil
		return r, refused
	}
	if r.Text == nil {
		return r, c.misspoken(fmt.Errorf("result of %s: no text", name))
	}
	return r, nil
}

// Read reads a resource.
func (c *Client) Read(ctx context.Context, uri string) (*Result, error) {
	r, text, err := c.do(ctx, MethodRead, uri, map[string]any{"uri": uri})
	if err != nil {
		return r, err
	}
	var said struct {
		Contents []struct {
			URI  string  `json:"uri"`
			Text *string `json:"text"`
		} `json:"contents"`
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return r, c.misspoken(fmt.Errorf("read %s: %w", uri, err))
	}
	if len(said.Contents) != 1 || said.Contents[0].Text == nil {
		return r, c.misspoken(fmt.Errorf("read %s: %d contents, not one text", uri, len(said.Contents)))
	}
	r.Text, r.URI, r.Meta = []byte(*said.Contents[0].Text), said.Contents[0].URI, said.Meta
	return r, nil
}

// Do makes one request of any method without a name and returns its result.
func (c *Client) Do(ctx context.Context, method string) (json.RawMessage, error) {
	_, text, err := c.do(ctx, method, "", map[string]any{})
	return text, err
}

// do makes one request.
func (c *Client) do(ctx context.Context, method, name string, params map[string]any) (*Result, json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	begin := c.opts.Now()
	r := &Result{}
	result, header, err := c.exchange(ctx, method, name, params)
	r.At = c.opts.Now()
	r.Took = r.At.Sub(begin)
	if header != nil {
		r.Clock, r.At, r.Observed = live.Clocked(header, r.At)
	}
	return r, result, err
}

// exchange posts one request and reads its answer.
func (c *Client) exchange(ctx context.Context, method, name string, params map[string]any) (json.RawMessage, http.Header, error) {
	id := c.id.Add(1)
	params["_meta"] = clientMeta()
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	if err != nil {
		return nil, nil, fmt.Errorf("encode %s: %w", method, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, c.fail(ctx, err)
	}
	c.dress(req.Header, method, name)
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, nil, c.fail(ctx, err)
	}
	defer resp.Body.Close()
	text, err := c.readAll(ctx, method+" "+name, resp)
	if err != nil {
		return nil, nil, c.fail(ctx, err)
	}
	result, err := c.result(resp, text, id)
	return result, resp.Header, err
}

// dress sets the headers of a request. Compression is the transport's.
func (c *Client) dress(h http.Header, method, name string) {
	h.Set("Content-Type", "application/json")
	h.Set("Accept", accept)
	h.Set(HeaderVersion, Version)
	h.Set(HeaderMethod, method)
	if name != "" {
		h.Set(HeaderName, encodeName(name))
	}
	c.opts.Token.Authorize(h)
}

// encodeName is a name as a header holds it: in base64 where it is not plain.
func encodeName(name string) string {
	plain := strings.TrimSpace(name) == name && !strings.HasPrefix(name, "=?")
	for _, b := range []byte(name) {
		plain = plain && b >= ' ' && b < 0x7f
	}
	if plain {
		return name
	}
	return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(name)) + "?="
}

// result takes the result out of an answer of any status.
func (c *Client) result(resp *http.Response, text []byte, id int64) (json.RawMessage, error) {
	var r struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result"`
		Error   *Refusal        `json:"error"`
	}
	isJSON := json.Unmarshal(text, &r) == nil && r.Version == "2.0"
	switch {
	case isJSON && r.Error != nil:
		return nil, c.refused(resp, r.Error)
	case !isJSON || resp.StatusCode != http.StatusOK:
		return nil, &live.Error{Endpoint: c.url, Err: fmt.Errorf("%w: HTTP %d", live.ErrNotMCP, resp.StatusCode), Hint: live.Words(resp.StatusCode, resp.Header, text)}
	case string(r.ID) != strconv.FormatInt(id, 10):
		return nil, c.misspoken(fmt.Errorf("answer to request %.20s, not to %d", r.ID, id))
	case r.Result == nil:
		return nil, c.misspoken(errors.New("answer without a result"))
	}
	return r.Result, nil
}

// refused sorts an error: a refusal of what was asked is a tool's; all others
// mean that the endpoint did not take the request at all.
func (c *Client) refused(resp *http.Response, r *Refusal) error {
	words := fmt.Errorf("HTTP %d, %s (%d)", resp.StatusCode, r.Message, r.Code)
	fail := func(err error, hint string) error { return &live.Error{Endpoint: c.url, Err: err, Hint: hint} }
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		if c.opts.Token.IsZero() {
			return fail(fmt.Errorf("%w: %w", live.ErrUnauthorized, words), "it wants a token: --token-file FILE or ERGO_MCP_TOKEN")
		}
		return fail(fmt.Errorf("%w: %w", live.ErrUnauthorized, words), "it wants another token than the one given")
	case http.StatusTooManyRequests:
		return fail(fmt.Errorf("%w: %w", ErrThrottled, words), "try again after "+resp.Header.Get("Retry-After")+" s")
	case http.StatusServiceUnavailable:
		return fail(words, "its application is restarting")
	}
	switch r.Code {
	case ergo.CodeInvalidParams, ergo.CodeInternal:
		return &ergo.ToolError{Code: r.Code, Message: r.Message}
	}
	return fail(fmt.Errorf("%w: %w", live.ErrNotMCP, words), "")
}

// ErrThrottled is an endpoint that takes no more requests for the moment.
var ErrThrottled = errors.New("too many requests")

// misspoken is the error of an answer that is no answer of an Observer.
func (c *Client) misspoken(err error) error {
	return &live.Error{Endpoint: c.url, Err: fmt.Errorf("%w: %w", live.ErrNotMCP, err)}
}

// fail words an error of the transport.
func (c *Client) fail(ctx context.Context, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the method and URL, which are said already
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return &live.Error{Endpoint: c.url, Err: err}
}
