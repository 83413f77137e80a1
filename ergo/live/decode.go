package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ergorecorder/ergo"
)

// Headers by which a replay announces its clock and the time at which what it
// answers was observed.
const (
	HeaderClock    = "X-Ergo-Clock"
	HeaderObserved = "X-Ergo-Observed"
)

// decodeReply takes the result out of a JSON-RPC answer to request id; what
// the endpoint refuses is an [*ergo.ToolError].
func decodeReply(text []byte, id int64) (json.RawMessage, error) {
	var r struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  json.RawMessage `json:"result"`
		Error   *ergo.ToolError `json:"error"`
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("empty answer")
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("answer is no JSON-RPC: %w", err)
	}
	switch {
	case r.Version != "2.0":
		return nil, errors.New("answer is no JSON-RPC 2.0")
	case r.Error != nil:
		return nil, r.Error
	case string(r.ID) != strconv.FormatInt(id, 10):
		return nil, fmt.Errorf("answer to request %.20s, not to %d", r.ID, id)
	case r.Result == nil:
		return nil, errors.New("answer without a result")
	}
	return r.Result, nil
}

// Clocked is what a replay's headers say: its clock, when what it answers was
// observed, and whether it was. Without such headers at is returned.
func Clocked(header http.Header, at time.Time) (clock *ergo.Clock, when time.Time, observed bool) {
	clock = parseClock(header.Get(HeaderClock))
	seen, err := time.Parse(time.RFC3339Nano, header.Get(HeaderObserved))
	switch {
	case err == nil:
		return clock, seen, true
	case clock != nil:
		return clock, clock.Now, false
	}
	return nil, at, false
}

// parseClock reads `<RFC3339Nano> speed=N end=<RFC3339Nano>`; nil where the
// header is missing or says something else.
func parseClock(header string) *ergo.Clock {
	f := strings.Fields(header)
	if len(f) != 3 {
		return nil
	}
	speed, ok1 := strings.CutPrefix(f[1], "speed=")
	end, ok2 := strings.CutPrefix(f[2], "end=")
	if !ok1 || !ok2 {
		return nil
	}
	var c ergo.Clock
	var err1, err2, err3 error
	c.Now, err1 = time.Parse(time.RFC3339Nano, f[0])
	c.Speed, err2 = strconv.ParseFloat(speed, 64)
	c.End, err3 = time.Parse(time.RFC3339Nano, end)
	if errors.Join(err1, err2, err3) != nil || !(c.Speed > 0) {
		return nil
	}
	return &c
}
