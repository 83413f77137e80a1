package codec

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/codec/parse"
)

var processColumns = map[string]ColumnKind{
	"PID": Text, "Name": Text, "Application": Text, "Behavior": Text, "Kind": Text,
	"Parent": Text, "Leader": Text, "LogLevel": Text, "State": Text,
	"StateTime": AgeNS, "Uptime": AgeS, "InitTime": Constant,
	"MessagesIn": Cumulative, "MessagesOut": Cumulative,
	"RunningTime": Cumulative, "Wakeups": Cumulative,
}

func descOf(tool string) Desc {
	d := Desc{Form: FormObject}
	switch tool {
	case "process_list":
		d = Desc{Form: FormTable, Key: []string{"PID"}, Columns: processColumns}
	case "event_list":
		d = Desc{Form: FormTable, Key: []string{"Event"}, Columns: map[string]ColumnKind{"LastPublishedAt": Cumulative, "MessagesPublished": Cumulative, "MessagesLocalSent": Cumulative}}
	case "app_list", "cluster_nodes", "loggers_list":
		d = Desc{Form: FormTable, Key: []string{"name"}, Columns: map[string]ColumnKind{"uptime": AgeS}}
	case "network_nodes":
		d = Desc{Form: FormTable, Key: []string{"Node"}, Columns: map[string]ColumnKind{"Uptime": AgeS, "ConnectionUptime": AgeS, "BytesIn": Cumulative, "BytesOut": Cumulative}}
	case "network_acceptors":
		d = Desc{Form: FormTable, Key: []string{"Interface"}}
	case "sample_list":
		d = Desc{Form: FormTable, Key: []string{"id"}}
	case "node_info":
		d.Columns = map[string]ColumnKind{"Uptime": AgeS}
	case "network_ping", "pprof_heap", "pprof_cpu", "pprof_goroutines", "message_types":
		d = Desc{}
	}
	return d
}

// normal is a JSON value with table rows in an order of their own.
func normal(t testing.TB, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(text)
	}
	if rows, ok := v.([]any); ok {
		slices.SortStableFunc(rows, func(a, b any) int { return strings.Compare(rowName(a), rowName(b)) })
	}
	return v
}

func rowName(v any) string {
	m, _ := v.(map[string]any)
	for _, key := range []string{"PID", "Event", "name", "id", "Node", "Interface"} {
		if s, ok := m[key].(string); ok {
			return s
		}
	}
	return fmt.Sprint(v)
}

type captured struct {
	tool string
	rec  Record
}

func readCapture(t testing.TB, name string) (list []captured, gz int64) {
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		t.Skip("ERGO_CAPTURES is not set")
	}
	f, err := os.Open(filepath.Join(dir, name+".jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, _ := f.Stat()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(nil, 64<<20)
	for i := uint64(1); sc.Scan(); i++ {
		var l struct {
			T          time.Time
			Node, Tool string
			Args       json.RawMessage
			MS         float64
			Text       *string
			RPCError   *struct {
				Code    int64
				Message string
			} `json:"rpc_error"`
		}
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		r := Record{Seq: i, At: l.T.UnixNano(), Took: int64(l.MS * 1e6), Args: l.Args}
		var a map[string]any
		json.Unmarshal(l.Args, &a)
		for _, k := range []string{"pid", "sampler_id", "name"} {
			if s, ok := a[k].(string); ok {
				r.Subject = s
			}
		}
		if l.Text != nil {
			r.Text = []byte(*l.Text)
		}
		if l.RPCError != nil {
			r.Failed, r.Code, r.Reason = true, l.RPCError.Code, l.RPCError.Message
		}
		list = append(list, captured{l.Node + " " + l.Tool, r})
	}
	return list, st.Size()
}

func TestCaptures(t *testing.T) {
	z := frame.NewZip()
	for _, name := range strings.Fields(either(os.Getenv("CAPS"), "healthy wide node_crash stuck")) {
		list, gz := readCapture(t, name)
		encs := map[string]*Encoder{}
		chunks := map[string][]Chunk{}
		recs := map[string][]Record{}
		var tools []string
		start := time.Now()
		for i := range list {
			c := &list[i]
			e := encs[c.tool]
			if e == nil {
				d := descOf(c.tool[strings.Index(c.tool, " ")+1:])
				d.Stream = uint32(len(encs) + 1)
				d.About = []byte(c.tool)
				e = NewEncoder(d, DefaultLimits(), &Scratch{})
				encs[c.tool] = e
				tools = append(tools, c.tool)
			}
			e.Append(&c.rec)
			recs[c.tool] = append(recs[c.tool], c.rec)
			if i%100 == 0 {
				for tool, e := range encs {
					chunks[tool] = e.Take(chunks[tool])
				}
			}
		}
		took := time.Since(start)
		total := 0
		sizes := map[string]int{}
		for _, tool := range tools {
			chunks[tool] = encs[tool].Take(chunks[tool])
			n := checkStream(t, z, encs[tool].desc, chunks[tool], recs[tool])
			total += n
			sizes[tool[strings.Index(tool, " ")+1:]] += n
		}
		t.Logf("%s: %d of %d gz, %.3f, encode %v", name, total, gz, float64(total)/float64(gz), took)
		t.Log(sizes)
	}
}

// checkStream merges the runs, decodes all and compares. It returns the size
// of all blocks.
func checkStream(t testing.TB, z *frame.Zip, d Desc, chunks []Chunk, want []Record) (size int) {
	runs := map[int][][][]byte{}
	stats := map[int][]*Stats{}
	for _, c := range chunks {
		if c.Chunk == 0 {
			runs[c.Part] = append(runs[c.Part], nil)
			stats[c.Part] = append(stats[c.Part], c.Stats)
		}
		r := runs[c.Part]
		r[len(r)-1] = append(r[len(r)-1], c.Bytes(z))
	}
	blocks := map[int][][]byte{}
	for part, rs := range runs {
		for i, r := range rs {
			b, err := Merge(z, stats[part][i], r...)
			if err != nil {
				t.Fatal(err)
			}
			checkStats(t, z, b, stats[part][i])
			size += len(b)
			blocks[part] = append(blocks[part], b)
		}
	}
	tab := NewText(d.Form, func(part int, seq uint64) (*Run, error) {
		for _, b := range blocks[part] {
			if h, _, _, _ := header.Parse(b); h.Run <= seq && seq <= h.Last {
				return Open(z, b)
			}
		}
		return nil, parse.ErrShort
	})
	i := 0
	for _, b := range blocks[0] {
		r, err := Open(z, b)
		if err != nil {
			t.Fatal(err)
		}
		if testing.Verbose() && strings.Contains(string(d.About), os.Getenv("SHOW")) && os.Getenv("SHOW") != "" {
			for _, p := range r.pieces {
				t.Logf("%s field %d sub %d: %d packed %d", d.About, p.Tag/4, p.Tag%4, p.N, len(p.Data))
			}
		}
		if err := tab.Load(r); err != nil {
			t.Fatal(err)
		}
		for {
			ok, err := tab.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			text, err := tab.Text()
			if err != nil {
				t.Fatalf("%s record %d: %v", d.About, i, err)
			}
			compare(t, tab.Head, text, &want[i])
			i++
		}
	}
	if i != len(want) {
		t.Fatalf("%s: %d records of %d", d.About, i, len(want))
	}
	return size
}

// checkStats compares what was gathered of a run with what its cells say, and
// with the block's synopsis, if it has one.
func checkStats(t testing.TB, z *frame.Zip, block []byte, stats *Stats) {
	t.Helper()
	r, err := Open(z, block)
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.synopsis(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.synopsis(stats)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [...]*Synopsis{want, got} {
		for i := range s.Columns {
			if c := &s.Columns[i]; c.Kind.unit(false) > 0 || c.Numbers == 0 {
				c.Min, c.Max = 0, 0 // nothing is said of ages
			}
		}
	}
	if !slices.Equal(got.Columns, want.Columns) {
		t.Fatalf("gathered %+v\n  cells %+v", got.Columns, want.Columns)
	}
	b, err := SynopsisOf(block)
	if err != nil || (b != nil) != (r.Version >= 3 && block[5]&header.Synopsis != 0) {
		t.Fatalf("synopsis of %d bytes, %v", len(b), err)
	}
	if b == nil {
		return
	}
	stored, err := ParseSynopsis(b, z)
	if err != nil || !slices.Equal(stored.Columns, want.Columns) {
		t.Fatalf("stored %+v, %v\n  cells %+v", stored, err, want.Columns)
	}
	for _, h := range stats.keys {
		if stats.wide && !stored.mayHold(h) {
			t.Fatal("a row is not in the row index")
		}
	}
}

func compare(t testing.TB, h *Head, text []byte, want *Record) {
	t.Helper()
	if h.Seq != want.Seq || h.At != want.At || h.Took != want.Took || h.Subject != want.Subject || !bytes.Equal(h.Args, want.Args) ||
		max(h.Mono-want.Mono, want.Mono-h.Mono) > 1e6 || h.Failed != want.Failed || h.Code != want.Code || h.Reason != want.Reason || (text == nil) != (want.Text == nil) {
		t.Fatalf("head %+v\n want %+v", h, want)
	}
	if !bytes.Equal(text, want.Text) && !reflect.DeepEqual(normal(t, text), normal(t, want.Text)) {
		t.Fatalf("record %d: got %.3000s\n want %.3000s", h.Seq, text, want.Text)
	}
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// rowsText is a process table of n rows as of second i, indented or not.
func rowsText(n, i int, pretty bool) []byte {
	type row struct {
		PID, Name, State string
		MessagesIn       int64
		StateTime        int64
		Uptime           int64
		Load             float64
		Tags             []string `json:",omitempty"`
	}
	rows := []row{}
	for k := range n {
		if (k+i)%37 == 0 {
			continue // dies and comes back
		}
		r := row{PID: fmt.Sprintf("<A.0.%d>", k), Name: fmt.Sprint("p", k), State: "sleep", Uptime: int64(i), Load: 0.5}
		r.MessagesIn, r.StateTime = int64(k), int64(i)*1e9+int64(k*i%7)
		if (k+i)%5 == 0 {
			r.MessagesIn, r.State, r.Load = int64(k*i), "running", float64(i)/3
		}
		if k%11 == 0 {
			r.Tags = []string{"a", fmt.Sprint(i / 10)}
		}
		rows = append(rows, r)
	}
	var b []byte
	if pretty {
		b, _ = json.MarshalIndent(rows, "", "  ")
	} else {
		b, _ = json.Marshal(rows)
	}
	return b
}

// TestParts takes tables through growth, loss and failure over the bounds of
// parts and runs.
func TestParts(t *testing.T) {
	z := frame.NewZip()
	d := Desc{Stream: 1, About: []byte("x"), Form: FormTable, Key: []string{"PID"}, Columns: processColumns}
	e := NewEncoder(d, Limits{Records: 16, Cells: 1 << 30, Bytes: 1 << 30, Span: 1 << 60}, &Scratch{})
	var chunks []Chunk
	var want []Record
	sizes := []int{10, 4200, 8300, 8300, 4000, 0, 4100, 1, 8300}
	for i := range 60 {
		r := Record{Seq: uint64(3*i + 1), At: int64(i)*1e9 + 1e18, Took: int64(i), Mono: 5e9 + int64(i)*1e9 + int64(i%3)*4e5, Text: rowsText(sizes[i/7], i, i%2 == 0)}
		if i > 30 {
			r.At += 90e9 // the wall clock was set
		}
		switch {
		case i%13 == 5:
			r = Record{Seq: r.Seq, At: r.At, Failed: true, Code: -32603, Reason: "no route"}
		case i%13 == 7:
			r.Text = []byte("null")
		case i%13 == 9:
			r.Text = []byte(`[{"PID":"x","PID":"x"}]`)
		case i%13 == 11:
			r.Text = append(r.Text, "garbage"...)
		}
		e.Append(&r)
		want = append(want, r)
		if i%3 == 0 {
			chunks = e.Take(chunks)
		}
	}
	checkStream(t, z, d, e.Take(chunks), want)
}
