package observer

import (
	"encoding/json"
	"strings"

	"ergorecorder/internal/limit"
)

// The protocol's one version, and the names that every request bears.
const (
	Version = "2026-07-28"

	HeaderVersion = "MCP-Protocol-Version"
	HeaderMethod  = "Mcp-Method"
	HeaderName    = "Mcp-Name"

	MetaVersion      = "io.modelcontextprotocol/protocolVersion"
	MetaCapabilities = "io.modelcontextprotocol/clientCapabilities"
	MetaServer       = "io.modelcontextprotocol/serverInfo"

	MetaSeq      = "services.ergo/seq"
	MetaNextSeq  = "services.ergo/nextSeq"
	MetaDropped  = "services.ergo/dropped"
	MetaModified = "services.ergo/lastModified"
	MetaLegend   = "services.ergo/legend"
)

// The methods that are served.
const (
	MethodDiscover  = "server/discover"
	MethodTools     = "tools/list"
	MethodCall      = "tools/call"
	MethodResources = "resources/list"
	MethodTemplates = "resources/templates/list"
	MethodRead      = "resources/read"
	MethodListen    = "subscriptions/listen"
)

// The error codes beside those of [ergo].
const (
	CodeHeader  = -32020 // a header is missing, or differs from the body
	CodeVersion = -32022 // another protocol version
	CodeAccept  = -32023 // the client does not take what may come
)

// DefaultPort is the port at which an Observer listens.
const DefaultPort = "9911"

// MaxBody is the largest request that an Observer reads.
const MaxBody = limit.MostRequest

// accept is what a client has to admit on every request.
const accept = "application/json, text/event-stream"

// clientMeta is the _meta of every request.
func clientMeta() map[string]any {
	return map[string]any{MetaVersion: Version, MetaCapabilities: struct{}{}}
}

// A Refusal is the JSON-RPC error of an answer, of any HTTP status.
type Refusal struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// IsObserver reports whether an answer to a request of a client of the 48
// tools shows that an Observer is at the other end: status 400, and an error
// that asks for the header of the protocol version.
func IsObserver(status int, body []byte) bool {
	var r struct{ Error *Refusal }
	if status != 400 || json.Unmarshal(body, &r) != nil || r.Error == nil {
		return false
	}
	var data struct{ Header string }
	_ = json.Unmarshal(r.Error.Data, &data) // without data it says no header
	return r.Error.Code == CodeVersion || r.Error.Code == CodeHeader && strings.EqualFold(data.Header, HeaderVersion)
}
