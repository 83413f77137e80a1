package export

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// An Endpoint is a receiver of OTLP over HTTP: batches are posted to it, again a
// few times where it is busy.
type Endpoint struct {
	URL    string // its base, such as http://localhost:4318
	Header http.Header
	Client *http.Client
	After  func(time.Duration) <-chan time.Time
	// Taken is told of each batch that was taken.
	Taken func(s Signal)
}

// ParseEndpoint reads the address of a receiver.
func ParseEndpoint(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New("--endpoint: give the base of an OTLP receiver over HTTP, such as http://localhost:4318")
	}
	if u.User != nil {
		return "", errors.New("--endpoint: give what authorizes in OTEL_EXPORTER_OTLP_HEADERS, not in the address")
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

// ParseHeaders reads NAME=VALUE,…, as OTEL_EXPORTER_OTLP_HEADERS has it; the
// values may be encoded as in URLs. What is wrong is told without the values.
func ParseHeaders(list string) (http.Header, error) {
	h := http.Header{}
	for i, pair := range strings.Split(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil || strings.ContainsAny(value, "\r\n") {
			return nil, fmt.Errorf("entry %d is not NAME=VALUE", i+1)
		}
		h.Set(name, value)
	}
	return h, nil
}

// patience is how long is waited before each further attempt at a batch.
func patience() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}
}

// Take posts a batch.
func (e *Endpoint) Take(ctx context.Context, s Signal, batch []byte) error {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(batch); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	for _, wait := range append(patience(), -1) {
		again, err := e.post(ctx, s, packed.Bytes())
		if err == nil {
			e.Taken(s)
			return nil
		}
		if !again || wait < 0 {
			return fmt.Errorf("send %s: %w", s, err)
		}
		select {
		case <-e.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// post posts a batch once; again says whether it may be taken later.
func (e *Endpoint) post(ctx context.Context, s Signal, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL+"/v1/"+string(s), bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header = e.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := e.Client.Do(req)
	if err != nil {
		return ctx.Err() == nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		return true, fmt.Errorf("it answers %s", resp.Status)
	case code < 200 || code >= 300:
		return false, fmt.Errorf("it answers %s: %.200q", resp.Status, answer)
	case err != nil:
		return false, err
	}
	if n, why := rejected(answer); n > 0 {
		return false, fmt.Errorf("it refuses %d of them: %.200q", n, why)
	}
	return false, nil
}

// rejected is how many points or lines an answer says were not taken, and why:
// its partial_success, whose form is the same for both signals.
func rejected(answer []byte) (n uint64, why string) {
	eachField(answer, func(field protowire.Number, part []byte, _ uint64) {
		if field == 1 {
			eachField(part, func(field protowire.Number, text []byte, count uint64) {
				switch field {
				case 1:
					n = count
				case 2:
					why = string(text)
				}
			})
		}
	})
	return n, why
}

// eachField visits the fields of a message, as far as it is one.
func eachField(b []byte, visit func(field protowire.Number, text []byte, count uint64)) {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		var text []byte
		var count uint64
		switch kind {
		case protowire.BytesType:
			text, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			count, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return
		}
		visit(field, text, count)
		b = b[n:]
	}
}
