package observer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/internal/limit"
)

// An Update is one message of a stream that follows resources.
type Update struct {
	Method string // of the notification, "" at the end of the stream
	URI    string // what was updated
	Reason string // why the stream ends
}

// Listen follows resources until ctx ends or the server does, and hands on
// what comes. An update says that there is something to read, not what.
func (c *Client) Listen(ctx context.Context, uris []string, hear func(Update)) error {
	id := c.id.Add(1)
	params := map[string]any{"notifications": map[string]any{"resourceSubscriptions": uris}, "_meta": clientMeta()}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": MethodListen, "params": params})
	if err != nil {
		return fmt.Errorf("encode %s: %w", MethodListen, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return c.fail(ctx, err)
	}
	c.dress(req.Header, MethodListen, "")
	resp, err := c.client.Do(req)
	if err != nil {
		return c.fail(ctx, err)
	}
	defer resp.Body.Close()
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		text, err := c.readAll(ctx, MethodListen, resp)
		if err == nil {
			_, err = c.result(resp, text, id)
		}
		return err
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue
		}
		end, err := c.heard(data, hear)
		if end || err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return c.fail(ctx, err)
	}
	return c.fail(ctx, fmt.Errorf("the stream broke off"))
}

// heard hands on one message; end is the stream's result.
func (c *Client) heard(data []byte, hear func(Update)) (end bool, err error) {
	var m struct {
		Method string
		Params struct{ URI, Reason string }
		Result json.RawMessage
		Error  *ergo.ToolError
	}
	switch err := json.Unmarshal(data, &m); {
	case err != nil:
		return true, c.misspoken(fmt.Errorf("message of the stream: %w", err))
	case m.Error != nil:
		return true, m.Error
	case m.Result != nil:
		hear(Update{})
		return true, nil
	}
	hear(Update{Method: m.Method, URI: m.Params.URI, Reason: m.Params.Reason})
	return false, nil
}

// readAll is the body of the answer to a question, up to a limit.
func (c *Client) readAll(ctx context.Context, asked string, resp *http.Response) ([]byte, error) {
	b, err := c.bodies.ReadAll(ctx, resp.Body, asked, resp.ContentLength, c.opts.MaxAnswer)
	if err != nil && !errors.Is(err, limit.ErrOver) {
		err = fmt.Errorf("read answer: %w", err)
	}
	return b, err
}
