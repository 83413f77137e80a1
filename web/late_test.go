package web

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
)

// An answer may come after another of a later moment: a slow node's, or one that was
// brought from elsewhere. Pages that were shown before do not hide it.
func TestLateAnswersAreShown(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "late.erg"), nil)
	defer w.Close()
	const node = "late@localhost"
	processes := func(second int, name string) {
		answer(t, w, node, "process_list", ergo.Args{"limit": 1000}, start().Add(time.Duration(second)*time.Second), []row{{
			"PID": "<A.0.1>", "Name": name, "Behavior": "b", "State": "sleep", "MessagesMailbox": 3, "MailboxLatency": -1, "MessagesIn": second, "RunningTime": 5, "Wakeups": 1, "Uptime": 90 + second,
		}})
	}
	processes(0, "the_first")
	answer(t, w, node, "node_info", nil, start().Add(20*time.Second), row{"Name": node, "Uptime": 120, "ProcessesTotal": 1})
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	s := New(rec, Options{})
	pages := []string{"/processes?at=" + chart.InURL(start().Add(10*time.Second)), "/strip"}
	var before []string
	for _, p := range pages {
		before = append(before, fetch(s, p).Body.String())
		if again := fetch(s, p).Body.String(); again != before[len(before)-1] {
			t.Errorf("%s is another page the second time", p)
		}
	}
	if !strings.Contains(before[0], "the_first") {
		t.Fatalf("%.500s", before[0])
	}
	processes(5, "the_second")
	answer(t, w, node, "sample_read", ergo.Args{"sampler_id": "s"}, start().Add(6*time.Second), row{"sampler_id": "s", "sequence": 1, "samples": []row{{
		"sequence": 1, "timestamp": start().Add(5 * time.Second), "data": row{"level": "error", "message": "late", "time": start().Add(5 * time.Second), "type": "process", "source": "x"},
	}}})
	if b := fetch(s, pages[0]).Body.String(); !strings.Contains(b, "the_second") || strings.Contains(b, "the_first") {
		t.Error("the processes are those that were known before")
	}
	if b := fetch(s, pages[1]).Body.String(); b == before[1] {
		t.Error("the strip is the one of before")
	}
}
