package gate

import (
	"encoding/json"
	"fmt"
	"net/http"

	"ergorecorder/ergo"
)

// A Stream tells a client that resources have changed.
type Stream struct {
	URIs []string // canonical
	w    http.ResponseWriter
	id   json.RawMessage
}

// mostFollowed is how many resources one stream follows.
const mostFollowed = 128

// Listen begins the stream that a request asks for.
func Listen(w http.ResponseWriter, q *Request) (*Stream, *Refusal) {
	var p struct {
		Notifications struct {
			ResourceSubscriptions []string `json:"resourceSubscriptions"`
		} `json:"notifications"`
	}
	if err := json.Unmarshal(q.Params, &p); err != nil {
		return nil, Invalid(q, ergo.CodeInvalidParams, "notifications cannot be read", nil)
	}
	asked := p.Notifications.ResourceSubscriptions
	if len(asked) == 0 || len(asked) > mostFollowed {
		return nil, Invalid(q, ergo.CodeInvalidParams, fmt.Sprintf("a stream follows 1 to %d resources", mostFollowed), nil)
	}
	s := &Stream{w: w, id: q.ID}
	refused := map[string]string{}
	for _, text := range asked {
		u, err := ParseURI(text)
		if err == nil {
			err = u.Check()
		}
		switch {
		case err != nil:
			refused[text] = err.Error()
		case u.Cluster:
			refused[text] = "the cluster map is read, not followed"
		default:
			s.URIs = append(s.URIs, u.Canonical())
		}
	}
	if len(s.URIs) == 0 {
		return nil, Invalid(q, ergo.CodeInvalidParams, "none of these resources can be followed", map[string]any{"refused": refused})
	}
	w.Header().Set("Content-Type", "text/event-stream")
	meta := s.meta()
	if len(refused) > 0 {
		meta["services.ergo/refused"] = refused
	}
	s.send("notifications/subscriptions/acknowledged", struct {
		Meta          map[string]any      `json:"_meta"`
		Notifications map[string][]string `json:"notifications"`
	}{meta, map[string][]string{"resourceSubscriptions": s.URIs}})
	return s, nil
}

func (s *Stream) meta() map[string]any {
	return map[string]any{"io.modelcontextprotocol/subscriptionId": s.id}
}

// Updated says that a resource has something to read.
func (s *Stream) Updated(uri string) {
	s.send("notifications/resources/updated", struct {
		Meta map[string]any `json:"_meta"`
		URI  string         `json:"uri"`
	}{s.meta(), uri})
}

// End ends the stream.
func (s *Stream) End(why string) {
	s.send("notifications/cancelled", struct {
		Meta    map[string]any  `json:"_meta"`
		Request json.RawMessage `json:"requestId"`
		Reason  string          `json:"reason"`
	}{s.meta(), s.id, why})
	s.event(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result"`
	}{"2.0", s.id, struct {
		ResultType string         `json:"resultType"`
		Meta       map[string]any `json:"_meta"`
	}{"complete", s.meta()}})
}

func (s *Stream) send(method string, params any) {
	s.event(struct {
		Version string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}{"2.0", method, params})
}

// event writes one event. A client that has gone is none of ours.
func (s *Stream) event(message any) {
	_, _ = fmt.Fprintf(s.w, "data: %s\n\n", encode(message))
	if f, ok := s.w.(http.Flusher); ok {
		f.Flush()
	}
}
