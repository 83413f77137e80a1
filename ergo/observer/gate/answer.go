package gate

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"ergorecorder/ergo/observer"
)

// A Server is what answers say of the server.
type Server struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version"`

	extra map[string]any
}

// Saying is the server with more in the _meta of its results.
func (s Server) Saying(extra map[string]any) Server {
	s.extra = extra
	return s
}

// Observer is the server that a real Observer says it is.
func Observer() Server {
	return Server{Name: "ergo.observer", Title: "Observer Application", Version: "0.2.0"}
}

// Meta is the _meta of every result.
func (s Server) Meta() map[string]any {
	meta := map[string]any{observer.MetaServer: s}
	maps.Copy(meta, s.extra)
	return meta
}

// zipFrom is from how many bytes on an answer is compressed.
const zipFrom = 1024

// write sends a JSON body.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Vary", "Accept-Encoding")
	if len(body) >= zipFrom && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body) // a buffer takes everything
		if z.Close() == nil {
			h.Set("Content-Encoding", "gzip")
			body = b.Bytes()
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone is none of ours
}

// Refuse answers with an error.
func Refuse(w http.ResponseWriter, r *http.Request, x *Refusal) {
	type plain struct {
		Version string           `json:"jsonrpc"`
		ID      json.RawMessage  `json:"id,omitempty"`
		Error   observer.Refusal `json:"error"`
	}
	answer := plain{"2.0", x.ID, x.Refusal}
	if x.ID == nil && x.NullID {
		answer.ID = json.RawMessage("null")
	}
	switch x.Status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	write(w, r, x.Status, encode(answer))
}

// Reply answers with a result.
func Reply(w http.ResponseWriter, r *http.Request, id json.RawMessage, result any) {
	write(w, r, http.StatusOK, encode(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result"`
	}{"2.0", id, result}))
}

// Invalid is the refusal of a request whose parameters make no sense.
func Invalid(q *Request, code int, message string, data any) *Refusal {
	return refuse(q.ID, code, message, data)
}

// An item is one item of a tool's answer.
type item struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	URI      string `json:"uri,omitempty"`
	Name     string `json:"name,omitempty"`
	Title    string `json:"title,omitempty"`
	MimeType string `json:"mimeType,omitempty"`
}

// Content is the result of a tool: its text, and a link to the lens that shows
// the same, if there is one.
func (s Server) Content(text []byte, isError bool, lens *Lens) any {
	items := []item{{Type: "text", Text: string(text)}}
	if lens != nil && !isError {
		items = append(items, item{Type: "resource_link", URI: lens.URI, Name: lens.Name, Title: lens.Title, MimeType: "application/json"})
	}
	return struct {
		ResultType string         `json:"resultType"`
		Content    []item         `json:"content"`
		IsError    bool           `json:"isError,omitempty"`
		Meta       map[string]any `json:"_meta"`
	}{"complete", items, isError, s.Meta()}
}

// A Lens names a resource that shows what a tool answered.
type Lens struct{ URI, Name, Title string }

// A Resource is the result of resources/read.
type Resource struct {
	URI  string
	Text []byte
	Meta map[string]any // beside what every result has
	TTL  int            // ms
}

// Contents is the result of resources/read.
func (s Server) Contents(x Resource) any {
	meta := s.Meta()
	maps.Copy(meta, x.Meta)
	type content struct {
		URI      string `json:"uri"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text"`
	}
	return struct {
		ResultType string         `json:"resultType"`
		Contents   []content      `json:"contents"`
		TTL        int            `json:"ttlMs"`
		Scope      string         `json:"cacheScope"`
		Meta       map[string]any `json:"_meta"`
	}{"complete", []content{{x.URI, "application/json", string(x.Text)}}, x.TTL, "private", meta}
}

// Discovery is the result of server/discover.
func (s Server) Discovery(instructions string) any {
	type flags map[string]bool
	return struct {
		ResultType   string           `json:"resultType"`
		Versions     []string         `json:"supportedVersions"`
		Capabilities map[string]flags `json:"capabilities"`
		Instructions string           `json:"instructions"`
		TTL          int              `json:"ttlMs"`
		Scope        string           `json:"cacheScope"`
		Meta         map[string]any   `json:"_meta"`
	}{
		"complete",
		[]string{observer.Version},
		map[string]flags{"resources": {"subscribe": true, "listChanged": false}, "tools": {"listChanged": false}},
		instructions, cacheTTL, "public", s.Meta(),
	}
}

// cacheTTL is how long lists may be kept, in ms.
const cacheTTL = 300000
