package scrub

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// recorded is an archive of a few answers in which everything has a name.
func recorded(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.erg")
	at := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	w := archivetest.Writer(t, path, &archive.Options{Now: func() time.Time { return at }})
	node := "billing@db-7.acme.example"
	sum := sumOf(node)
	add := func(tool, text string, args ergo.Args) {
		at = at.Add(time.Second)
		call := ergo.Call{Node: node, Tool: tool, Args: args}
		if _, err := w.Append(ingest.Record(call, nil, ergo.Answer{Text: []byte(text), At: at}, nil, ingest.Options{})); err != nil {
			t.Fatal(err)
		}
	}
	add("process_list", `[{"PID":"<`+sum+`.0.1004>","Name":"invoice_worker_12","Application":"limits","Behavior":"acme.InvoiceWorker","State":"sleep","MessagesIn":12345678}]`, nil)
	add("process_inspect", `{"customer":"Dagobert Duck","child:invoice_worker_12":"<`+sum+`.0.1004> enabled","strategy":"Permanent"}`, ergo.Args{"pid": "<" + sum + ".0.1004>"})
	add("network_info", `{"Acceptors":[{"Interface":"10.20.30.40:11144"},{"Interface":"127.0.0.1:4499"}]}`, nil)
	add("event_list", `[{"Event":"Event#<`+sum+`:paid.acme>","CreatedAt":1795309972857050815}]`, nil)
	add("network_ping", "ping "+node+": rtt 0.20ms", ergo.Args{"name": node})
	add("pprof_goroutines", "goroutine 7 [sync.Mutex.Lock, 2 minutes]:\nsync.(*Mutex).Lock(0xc000012345)\n\t/usr/local/go/src/sync/mutex.go:46 +0x1d\nacme.example/billing.(*InvoiceWorker).charge(...)\n\t/home/scrooge/billing/charge.go:12 +0x2\n", nil)
	add("sample_read", `{"entries":[{"sequence":1,"data":{"level":"error","message":"limits exceeded for account 4929123456 of Duck at 10.20.30.40, order 17 refused at 2026-11-22T01:00:00Z","source":"<`+sum+`.0.1004> ('invoice_worker_12') acme.InvoiceWorker"}}]}`, ergo.Args{"sampler_id": "mcp_sampler_61fb2a6f"})
	add("acme_tool", `{"who":"Duck","secret santa":"dagobert"}`, nil)
	if _, err := w.Mark(archive.Mark{Kind: "note", Node: node, From: at, To: at, Note: "Dagobert looks at invoice_worker_12", More: map[string]any{"by": "scrooge"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	archivetest.Verify(t, path)
	return path
}

// said is all that an archive says, stream by stream.
func said(t *testing.T, path string) string {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b strings.Builder
	for rec, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(rec.Stream.String() + " " + rec.Subject + " " + string(rec.Args) + " " + rec.At.Format(time.RFC3339) + "\n" + string(rec.Text) + "\n")
	}
	return b.String()
}

// TestEverythingNamedIsReplaced: no name is left of those that stand in
// fields, texts, stacks, arguments and marks; what is measured stays.
func TestEverythingNamedIsReplaced(t *testing.T) {
	in := recorded(t)
	out, res := copied(t, in, Policy{Shift: time.Hour})
	text := said(t, out)
	for _, word := range []string{"invoice", "Invoice", "acme", "billing", "scrooge", "Duck", "agobert", "charge", "limits", "paid", "customer", "santa", "10.20.30", "4929123456", "db-7", "-7", sumOf("billing@db-7.acme.example")} {
		if strings.Contains(text, word) {
			t.Errorf("%q is left in\n%s", word, text)
		}
	}
	for _, kept := range []string{
		`"State":"sleep"`, "12345678", "127.0.0.1:4499", "11144", "sync.(*Mutex).Lock(0xc000012345)", "/usr/local/go/src/sync/mutex.go:46", "goroutine 7 [sync.Mutex.Lock, 2 minutes]",
		"rtt 0.20ms", "exceeded for account ", "refused at 2026-11-22T02:00:00Z", "order 17 ", "_12", `"strategy":"Permanent"`, "mcp_sampler_61fb2a6f", "1795313572857050815",
	} {
		if !strings.Contains(text, kept) {
			t.Errorf("%q is missing in\n%s", kept, text)
		}
	}
	r, err := archive.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if hits, _, err := Audit(t.Context(), r, res.Settled); err != nil || len(hits) > 0 {
		t.Errorf("the audit finds %v, %v", hits, err)
	}
	if res.Words == 0 {
		t.Error("no words of texts were counted")
	}
}

// TestAuditFinds: an audit of the original finds its names.
func TestAuditFinds(t *testing.T) {
	in := recorded(t)
	_, res := copied(t, in, Policy{})
	r, err := archive.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, m := range []*Map{nil, res.Settled} {
		hits, _, err := Audit(t.Context(), r, m)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, h := range hits {
			found[h.Word] = h.What
		}
		want := "word"
		if m != nil {
			want = "name"
		}
		for _, word := range []string{"invoice_worker_12", "acme", "Duck", "scrooge", "charge"} {
			if found[word] != want {
				t.Errorf("%s: %q, want %q", word, found[word], want)
			}
		}
		if m != nil && found["limits"] != want {
			t.Error("limits names an application, and is found without saying so")
		}
	}
}

func TestPolicy(t *testing.T) {
	p, err := ReadPolicy(strings.NewReader("# ours\nkeep applications\nkeep name invoice_*\nleave-out tool network_ping\nleave-out marks\nshift -1h\n"))
	if err != nil {
		t.Fatal(err)
	}
	out, res := copied(t, recorded(t), p)
	text := said(t, out)
	if !strings.Contains(text, `"Application":"limits"`) || !strings.Contains(text, `"Name":"invoice_worker_12"`) {
		t.Errorf("not kept in\n%s", text)
	}
	if strings.Contains(text, "rtt") || strings.Contains(text, "mark note") || res.LeftOut != 2 || !strings.Contains(text, "2026-11-22T00:00:01Z") {
		t.Errorf("%d left out of\n%s", res.LeftOut, text)
	}
	for _, bad := range []string{"keep", "keep everything", "leave-out samples", "shift far", "keep name [", "drop x"} {
		if _, err := ReadPolicy(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestMapRoundTrip(t *testing.T) {
	_, res := copied(t, recorded(t), Policy{})
	var b strings.Builder
	if err := res.Settled.Write(&b); err != nil {
		t.Fatal(err)
	}
	m, err := ReadMap(strings.NewReader(b.String()))
	if err != nil || len(m.Names) != len(res.Settled.Names) {
		t.Fatal(len(m.Names), err)
	}
	seen := map[string]bool{}
	for _, n := range m.Names {
		if seen[n.Pseudonym] {
			t.Errorf("two names are %s", n.Pseudonym)
		}
		seen[n.Pseudonym] = true
	}
	if _, err := ReadMap(strings.NewReader(`{"schema":"x"}`)); err == nil {
		t.Error("another schema is read")
	}
}
