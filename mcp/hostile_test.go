package mcp

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/archive"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// planted is what a hostile cluster puts into every name.
const planted = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e"

// hostileRecording is an incident in which every name of the faulty process
// holds planted.
func hostileRecording(t *testing.T) *replay.Recording {
	t.Helper()
	f, err := os.Open("../testdata/stuck.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(planted)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	in := bufio.NewScanner(gz)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var l map[string]any
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
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
		line, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(line, '\n'))
	}
	path := filepath.Join(t.TempDir(), "hostile.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ingest.Capture(context.Background(), strings.NewReader(out.String()), w, ingest.Options{}, &ingest.Imported{}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec
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
