package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ergorecorder/ergo/live"
	"ergorecorder/internal/limit"
	"ergorecorder/recorder"
	"ergorecorder/seal"
)

// A Client steers the recorder behind an address.
type Client struct {
	Address string // host:port or URL
	Token   live.Token
}

// Status asks how the recording goes.
func (c *Client) Status(ctx context.Context) (s recorder.Status, err error) {
	body, err := c.do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return s, err
	}
	defer body.Close()
	text, err := limit.Status.ReadAll(body)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the recorder's status: %w", err)
	}
	return s, nil
}

// Mark has a note made, and an incident opened for it.
func (c *Client) Mark(ctx context.Context, text string) error {
	note, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return fmt.Errorf("encode mark: %w", err)
	}
	return c.done(c.do(ctx, http.MethodPost, "/mark", note))
}

// Rotate has the segment being written closed.
func (c *Client) Rotate(ctx context.Context) error {
	return c.done(c.do(ctx, http.MethodPost, "/rotate", nil))
}

// Dump writes a window of the recording to w, as an archive of one file. Zero
// times are unbounded. With recipients the recorder encrypts it to these keys,
// and what it does not encrypt is refused.
func (c *Client) Dump(ctx context.Context, from, to time.Time, w io.Writer, recipients ...string) error {
	q := url.Values{}
	if recipients != nil {
		q["recipient"] = recipients
	}
	for name, t := range map[string]time.Time{"from": from, "to": to} {
		if !t.IsZero() {
			q.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	body, err := c.do(ctx, http.MethodGet, "/dump?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	defer body.Close()
	in := bufio.NewReader(body)
	if begin, _ := in.Peek(seal.HeaderSize); recipients != nil && !seal.Begins(begin) {
		return errors.New("the recorder does not encrypt its dump: it is older than this program; nothing is written")
	}
	if _, err := io.Copy(w, in); err != nil {
		return fmt.Errorf("read the dump: %w", err)
	}
	return nil
}

func (c *Client) done(body io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	return body.Close()
}

func (c *Client) do(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	base := c.Address
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("recorder at %s: %w", c.Address, err)
	}
	c.Token.Authorize(req.Header)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := live.Staying(nil).Do(req)
	if err != nil {
		return nil, fmt.Errorf("recorder at %s: %w (is record run --control running there?)", c.Address, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // what came of it is enough
		return nil, fmt.Errorf("recorder at %s: %s", c.Address, strings.TrimSpace(string(why)))
	}
	return resp.Body, nil
}
