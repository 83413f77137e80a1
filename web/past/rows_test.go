package past

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// TestRated holds the rows that are read by columns against those of whole answers: in the
// first run, where processes came and went, and across a run of the recorder that ended,
// behind which rows lie in other slots.
func TestRated(t *testing.T) {
	ratedAt(t, 300, 2*time.Minute, 0, 7*time.Second, 42*time.Second, 60*time.Second, 66*time.Second, 2*time.Minute)
}

// TestRatedWide does so of tables that lie in several parts.
func TestRatedWide(t *testing.T) { ratedAt(t, 4500, 40*time.Second, 34*time.Second) }

func ratedAt(t *testing.T, processes int, length time.Duration, moments ...time.Duration) {
	rec, load := twoRuns(t, processes, length)
	const over = 10 * time.Second
	nodes := []string{"n01@lab", "n00@lab"}
	for _, after := range moments {
		at := load.Start().Add(after)
		want := answered(t, rec, at, over, nodes)
		got := MomentOf(rec, at).Rated(context.Background(), over, nodes...)
		if !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Fatalf("after %v: %d and %d processes, from number %d on others", after, len(got), len(want), i)
		}
		slices.SortStableFunc(want, func(a, b Process) int {
			return cmp.Or(cmp.Compare(b.MessagesMailbox, a.MessagesMailbox), cmp.Compare(b.MailboxLatency, a.MailboxLatency), cmp.Compare(b.Busy, a.Busy))
		})
		for _, most := range []int{0, 1, 8, 100_000} {
			top, seen := MomentOf(rec, at).Deepest(context.Background(), most, over, nodes...)
			if seen != len(want) || !slices.Equal(top, want[:min(most, len(want))]) {
				t.Fatalf("after %v: %d of %d processes are not the deepest", after, most, seen)
			}
		}
	}
}

// TestCompleted: what is read of a process afterwards is of the answer in which it ranked,
// though a newer one came to the recording in the meantime.
func TestCompleted(t *testing.T) {
	rec, load := twoRuns(t, 300, time.Minute)
	at := load.Start().Add(12 * time.Second)
	f, _, ok := rec.Moment(at).Rows(t.Context(), "n00@lab", briefColumns())
	if !ok {
		t.Fatal("no rows")
	}
	list := make([]ranked, len(f.Live))
	for i, slot := range f.Live {
		list[i] = ranked{Process{Node: "n00@lab", Observed: f.At}, slot}
	}
	MomentOf(rec, load.Start().Add(50*time.Second)).complete(t.Context(), list)
	whole := MomentOf(rec, at).Processes(t.Context(), "n00@lab")
	slices.SortFunc(list, func(a, b ranked) int { return OrderProcesses(&a.Process, &b.Process) })
	for i := range list {
		if list[i].Process != whole[i] {
			t.Fatalf("%+v, and the answer says %+v", list[i].Process, whole[i])
		}
	}
}

// TestUnreadable: of a listing in which something is no row, no rows are shown, and
// that is said.
func TestUnreadable(t *testing.T) {
	w, _ := archivetest.Create(t, nil)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, args := range []string{Everything().String(), `{"limit":5}`} { // of two listings only the answer's text tells
		_, err := w.Append(&archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "process_list", Args: args},
			Schema: archive.Schema{Form: archive.FormTable}, At: at, Text: []byte(`[7,{"PID":"<A.0.2>"}]`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	m := MomentOf(rec, at)
	if rows := m.Processes(t.Context(), "a@h"); len(rows) > 0 || len(m.Missing) == 0 {
		t.Errorf("%+v, and %q is said to be missing", rows, m.Missing)
	}
}

// answered are the processes with their rates, out of the text of answers.
func answered(t *testing.T, rec *replay.Recording, at time.Time, over time.Duration, nodes []string) (all []Process) {
	ask := func(at time.Time, node string) (rows []Process) {
		m := MomentOf(rec, at)
		seen, ok := m.Ask(context.Background(), node, "process_list", Everything(), &rows)
		if !ok {
			return nil
		}
		for i := range rows {
			rows[i].Node, rows[i].Observed = node, seen
		}
		return rows
	}
	for _, n := range nodes {
		before := map[string]Process{}
		for _, p := range ask(at.Add(-over), n) {
			before[string(p.PID)] = p
		}
		for _, p := range ask(at, n) {
			if was, ok := before[string(p.PID)]; ok {
				p.rate(&was)
			}
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b Process) int { return OrderProcesses(&a, &b) })
	return all
}

// twoRuns is a recording of two nodes that a second recorder went on with.
func twoRuns(t *testing.T, processes int, length time.Duration) (*replay.Recording, sim.Workload) {
	load := sim.Standard(2, length)
	load.Processes, load.Churn, load.Stuck = processes, 0.05, 20
	path := filepath.Join(t.TempDir(), "a.erg")
	w := archivetest.Writer(t, path, nil)
	went := false
	for r := range load.Records() {
		if !went && !r.At.Before(load.Start().Add(length/2)) {
			if went = true; w.Close() != nil {
				t.Fatal("the first run did not end")
			}
			w = archivetest.Writer(t, path, nil)
		}
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rec.Close() })
	return rec, load
}

// TestSupervisionOfNobody: where no inspection was recorded a tree asks for none, and reads
// no listing for each process that it draws.
func TestSupervisionOfNobody(t *testing.T) {
	rec, load := twoRuns(t, 300, time.Minute)
	m := MomentOf(rec, load.Start().Add(20*time.Second))
	p := m.Processes(t.Context(), "n00@lab")[0]
	allocated := testing.AllocsPerRun(5, func() {
		if said := Supervision(t.Context(), m, &p); said != "" {
			t.Fatalf("nobody was inspected, and it says %q", said)
		}
	})
	if allocated > 200 {
		t.Errorf("to find that nothing was recorded takes %v allocations", allocated)
	}
}
