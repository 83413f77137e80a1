package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo/secret"
)

// A Webhook posts messages to an address. Its methods may be called at any time,
// and only Close waits.
type Webhook struct {
	to      *url.URL
	secret  []byte
	client  *http.Client
	options Options

	ctx     context.Context // ends when the last attempts must be over
	cancel  context.CancelFunc
	closing chan struct{} // closed when nothing is waited for any more
	once    sync.Once
	mu      sync.Mutex
	waiting int
	running sync.WaitGroup
}

// Options are what a webhook needs besides its address and its secret.
type Options struct {
	Now    func() time.Time
	After  func(time.Duration) <-chan time.Time
	Client *http.Client // nil: one of its own
	Notice func(string) // hears what could not be delivered
}

// attemptTime bounds one attempt; maxWaiting is how many messages may be under
// way at a time: an address that does not answer costs the recorder no more.
const (
	attemptTime = 10 * time.Second
	maxWaiting  = 64
)

// waits are the times before the attempts behind the first. What is not
// delivered within an hour would come too late.
func waits() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}
}

// secretPrefix begins a secret, as Standard Webhooks has it.
const secretPrefix = "whsec_"

// ReadSecret reads the secret of a webhook from a file that holds nothing else:
// whsec_ and at least 24 bytes in base64.
func ReadSecret(path string) ([]byte, error) {
	text, err := secret.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read the webhook's secret: %w", err)
	}
	encoded, ok := strings.CutPrefix(strings.TrimSpace(string(text)), secretPrefix)
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(secret) < 24 || len(secret) > 64 {
		return nil, fmt.Errorf("read the webhook's secret: %s holds none: %s and 24 to 64 bytes in base64 (echo %s$(openssl rand -base64 32))", path, secretPrefix, secretPrefix)
	}
	return secret, nil
}

// ParseURL reads the address of a webhook. One that holds a user and a password
// is refused: it would be printed.
func ParseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the webhook's address is no http:// or https:// URL")
	case u.User != nil:
		return nil, errors.New("the webhook's address holds a user: what is posted is signed, and needs none")
	}
	return u, nil
}

// NewWebhook makes a webhook.
func NewWebhook(address string, secret []byte, o Options) (*Webhook, error) {
	u, err := ParseURL(address)
	if err != nil {
		return nil, err
	}
	w := &Webhook{to: u, secret: secret, client: o.Client, options: o, closing: make(chan struct{})}
	if w.client == nil {
		w.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// Tell has a message delivered. It does not wait for that.
func (w *Webhook) Tell(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == maxWaiting {
		w.options.Notice(fmt.Sprintf("webhook %s: %d messages wait already: %s is not told", w.to.Host, maxWaiting, m.Data.What))
		return
	}
	w.waiting++
	id, body := "msg_"+m.Data.ID+"_"+strings.TrimPrefix(string(m.Type), "incident."), m.JSON()
	w.running.Go(func() {
		w.deliver(id, body, m.Data.What)
		w.mu.Lock()
		w.waiting--
		w.mu.Unlock()
	})
}

// Close tries once more what is not delivered yet, and ends with ctx at the
// latest.
func (w *Webhook) Close(ctx context.Context) {
	w.once.Do(func() { close(w.closing) })
	stop := context.AfterFunc(ctx, w.cancel)
	w.running.Wait()
	stop()
	w.cancel()
	if w.options.Client == nil {
		w.client.CloseIdleConnections()
	}
}

// deliver posts a message until it is taken, refused for good, or tried often
// enough.
func (w *Webhook) deliver(id string, body []byte, what string) {
	var err error
	for _, wait := range append(waits(), -1) {
		var again bool
		if again, err = w.post(id, body); err == nil {
			return
		}
		if !again || wait < 0 {
			break
		}
		last := false
		select {
		case <-w.options.After(wait):
		case <-w.closing:
			last = true
		}
		if last {
			if _, err = w.post(id, body); err == nil {
				return
			}
			break
		}
	}
	w.options.Notice(fmt.Sprintf("webhook %s: %v: it is not told of: %s", w.to.Host, err, what))
}

// post posts a message once; again says whether it may be taken later.
func (w *Webhook) post(id string, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(w.ctx, attemptTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.to.String(), bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the request cannot be made")
	}
	at := strconv.FormatInt(w.options.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "ergo-record")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", at)
	req.Header.Set("Webhook-Signature", Sign(w.secret, id, at, body))
	resp, err := w.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the address, which may say what nobody else shall know
		}
		return true, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return false, nil
	}
	later := resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusRequestTimeout
	return later, fmt.Errorf("it answers %s", resp.Status)
}

// Sign is the signature of a message as Standard Webhooks has it: the receiver
// computes it again over what came, and refuses what is older than some minutes.
func Sign(secret []byte, id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "%s.%s.%s", id, timestamp, body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
