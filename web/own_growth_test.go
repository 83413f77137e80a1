package web

import (
	"context"
	"fmt"
	"testing"
	"time"

	"ergorecorder/analyze/views"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
	"ergorecorder/web/past"
)

// A counting context counts how often a walk asks whether to go on: about once for each record.
type counting struct {
	context.Context
	asked *int
}

func (c counting) Err() error {
	*c.asked++
	return c.Context.Err()
}

// entryPoints is a cluster in which each of so many nodes forwards calls, could not forward one of them to a node
// that is away, and counts that. Without refused it counts it all the same, and no such call was recorded.
func entryPoints(t testing.TB, nodes int, refused bool) *replay.Recording {
	t.Helper()
	return record(t, func(w *archive.Writer) {
		for i := range 10 {
			for n := range nodes {
				name := fmt.Sprintf("n%02d@h", n)
				at := start().Add(time.Duration(i)*5*time.Second + time.Duration(n)*time.Millisecond)
				if i == 5 && refused {
					failed := ergo.RemoteError("away@h", "no route")
					if _, err := w.Append(ingest.Record(ergo.Call{Node: "away@h", Tool: "node_info"}, nil, ergo.Answer{At: at}, failed, ingest.Options{})); err != nil {
						t.Fatal(err)
					}
				}
				answer(t, w, name, "cluster_nodes", nil, at, []row{{"name": name, "status": "self"}})
				answer(t, w, name, "node_info", nil, at, row{"Name": name, "Uptime": 100 + 5*i, "CallErrorsRemote": 40 + i/6})
			}
		}
	})
}

// TestOwnErrorsGrowWithNodes: to leave out the recorder's own errors of all nodes of a moment takes twice as much where
// they are twice as many, not four times as much; and nothing for who asks again.
func TestOwnErrorsGrowWithNodes(t *testing.T) {
	at := start().Add(46 * time.Second)
	for name, look := range map[string]func(context.Context, *replay.Recording, []string) (own int64){
		"pages": func(ctx context.Context, rec *replay.Recording, names []string) (own int64) {
			for _, n := range past.MomentOf(rec, at).Nodes(ctx, names) {
				own += n.Own
			}
			return own
		},
		"tools": func(ctx context.Context, rec *replay.Recording, _ []string) (own int64) {
			rows, err := views.Nodes(ctx, rec, at, "n*")
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				own += r.OwnErrors
			}
			return own
		},
	} {
		t.Run(name, func(t *testing.T) {
			count := func(rec *replay.Recording, nodes int, want int64) (asked int) {
				t.Helper()
				var names []string
				for n := range nodes {
					names = append(names, fmt.Sprintf("n%02d@h", n))
				}
				if own := look(counting{context.Background(), &asked}, rec, names); own != want {
					t.Errorf("%d nodes had %d errors of the recorder's own, want %d", nodes, own, want)
				}
				return asked
			}
			taken := func(nodes int) (first, again int) {
				rec := entryPoints(t, nodes, true)
				without := count(entryPoints(t, nodes, false), nodes, 0)
				first = count(rec, nodes, int64(nodes)) - without
				return first, count(rec, nodes, int64(nodes)) - without
			}
			few, _ := taken(8)
			many, again := taken(16)
			if few == 0 || 2*many > 5*few {
				t.Errorf("8 nodes: %d records were looked at for it, 16 nodes: %d", few, many)
			}
			if 4*again > many {
				t.Errorf("%d records were looked at for it, and %d again", many, again)
			}
			t.Logf("8 nodes: %d, 16 nodes: %d, again: %d", few, many, again)
		})
	}
}

// BenchmarkNodesOfMoment puts the nodes of a moment side by side, as the overview does.
func BenchmarkNodesOfMoment(b *testing.B) {
	for _, nodes := range []int{100, 200, 400} {
		rec := entryPoints(b, nodes, true)
		var names []string
		for _, n := range rec.Nodes() {
			names = append(names, n.Name)
		}
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			for range b.N {
				past.MomentOf(rec, start().Add(46*time.Second)).Nodes(context.Background(), names)
			}
		})
	}
}
