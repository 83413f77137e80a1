package mcp

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"ergorecorder/internal/fixture"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/ergo/observer/gate"
	"ergorecorder/replay"
)

// planted is what a hostile cluster puts into every name.
const planted = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e"

// hostileRecording is an incident in which every name of the faulty process
// holds planted.
func hostileRecording(t *testing.T) *replay.Recording {
	t.Helper()
	quoted, err := json.Marshal(planted)
	if err != nil {
		t.Fatal(err)
	}
	return fixture.Open(t, fixture.Edited(t, fixture.Bundled(t, "stuck"), func(l map[string]any) {
		for _, name := range []string{"book_eth", "OrderBook", "applyDelta", "gamma@localhost", "trading"} {
			for _, key := range []string{"node", "text"} {
				s, ok := l[key].(string)
				behind := planted
				if strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
					behind = strings.Trim(string(quoted), `"`)
				}
				if ok {
					l[key] = strings.ReplaceAll(s, name, name+behind)
				}
			}
		}
	}))
}

// steered is the first rune of a text that steers what shows it.
func steered(text string) rune {
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return r
		}
	}
	return 0
}

// TestHostileNamesInEveryTool: whatever the cluster said, no tool's answer lets it
// steer who reads it, in words, as JSON or in an error.
func TestHostileNamesInEveryTool(t *testing.T) {
	rec := hostileRecording(t)
	session := connect(t, New(Recorded(rec, "hostile"+planted), Options{}), nil)
	observing := connect(t, New(Recorded(rec, "hostile"+planted), Options{Set: ObserverTools}), nil)
	shown, answered := 0, 0
	all := Tools()
	for _, t := range observerTools() {
		all = append(all, Tool{Name: t.Name, Action: t.Kind != gate.Reads, Cluster: true, Title: "observer"})
	}
	for _, d := range all {
		if d.Action {
			continue
		}
		session := session
		if d.Title == "observer" {
			session = observing
		}
		for _, args := range []map[string]any{
			{},
			{"format": "json"},
			{"node": "gamma@localhost" + planted},
			{"node": "gamma@localhost" + planted, "name": "book_eth" + planted},
			{"node": "nobody" + planted},
			{"pid": planted, "name": planted, "id": planted, "metric": "MailboxLatency", "at": planted},
		} {
			res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: d.Name, Arguments: args})
			text := ""
			if err != nil {
				text = err.Error()
			} else {
				text = textOf(res)
			}
			if r := steered(text); r != 0 {
				t.Errorf("%s %q lets %U through: %.300q", d.Name, args, r, text)
			}
			answered++
			if strings.Contains(text, `\x1b`) || strings.Contains(text, `\u001b`) {
				shown++
			}
		}
	}
	if shown < 40 {
		t.Errorf("only %d of %d answers show what was planted: the test looks at nothing", shown, answered)
	}
}
