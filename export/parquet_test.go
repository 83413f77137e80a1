package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// tableOf is the table of a tool, and its bytes.
func tableOf(t *testing.T, tool string, o Options) (*parquet.File, []byte) {
	t.Helper()
	var b bytes.Buffer
	rows, err := Parquet(t.Context(), &b, recorded(t), tool, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if f.NumRows() != int64(rows) {
		t.Errorf("%d rows in the file, %d told", f.NumRows(), rows)
	}
	return f, b.Bytes()
}

// rowsOf are the rows of a table by the names of their columns.
func rowsOf(t *testing.T, f *parquet.File) []map[string]parquet.Value {
	t.Helper()
	var out []map[string]parquet.Value
	r := parquet.NewReader(f)
	defer r.Close()
	buf := make([]parquet.Row, 16)
	for {
		n, err := r.ReadRows(buf)
		for _, row := range buf[:n] {
			m := map[string]parquet.Value{}
			for _, v := range row {
				m[f.Schema().Columns()[v.Column()][0]] = v.Clone()
			}
			out = append(out, m)
		}
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestParquet: columns have the types of their values, and rows their values.
func TestParquet(t *testing.T) {
	f, _ := tableOf(t, "process_list", all())
	rows := rowsOf(t, f)
	if len(rows) != 2*4*2 {
		t.Fatalf("%d rows", len(rows))
	}
	for name, want := range map[string]string{
		"node": "STRING", "MessagesIn": "INT(64", "Name": "STRING",
	} {
		c, ok := f.Schema().Lookup(name)
		if got := c.Node.Type().String(); !ok || !strings.HasPrefix(got, want) {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	last := rows[len(rows)-1]
	if last["node"].String() != "b@h" || last["Name"].String() != "quiet" || last["MessagesIn"].Int64() != 30 || last["at"].Int64() != begin.UnixNano()+3e9 {
		t.Errorf("last row %v", last)
	}
	if rows[0]["Name"].String() != `=HYPERLINK("x")` {
		t.Errorf("a text is stored as it is: %v", rows[0]["Name"])
	}
	o := all()
	o.Process, o.Node = "quiet", "a*"
	if f, _ := tableOf(t, "process_list", o); f.NumRows() != 4 {
		t.Errorf("%d rows of one process", f.NumRows())
	}
	f, _ = tableOf(t, "runtime_stats", all())
	if v := rowsOf(t, f)[0]["gc_cpu_percent"]; v.Kind() != parquet.Double || v.Double() != -0.5 {
		t.Errorf("a number: %v", v)
	}
	var b bytes.Buffer
	if _, err := Parquet(t.Context(), &b, recorded(t), "cron_info", all()); !errors.Is(err, ErrNothing) {
		t.Errorf("a tool that was not recorded: %v", err)
	}
	files := Files([]string{"process_list", "sample_read", "x"})
	if files["process_list"] != "processes.parquet" || files["sample_read"] != "sample_read.parquet" || files["x"] != "x.parquet" {
		t.Error(files)
	}
}

// TestMixed: a column whose values have several types has the narrowest that
// holds them all.
func TestMixed(t *testing.T) {
	for _, tt := range []struct {
		kinds []cellKind
		want  cellKind
	}{
		{nil, none},
		{[]cellKind{none, whole, none}, whole},
		{[]cellKind{whole, number, whole}, number},
		{[]cellKind{truth, truth}, truth},
		{[]cellKind{truth, whole}, words},
		{[]cellKind{truth, number}, words},
		{[]cellKind{whole, words}, words},
		{[]cellKind{words, none, number}, words},
	} {
		got := none
		for _, k := range tt.kinds {
			got = got.with(k)
		}
		if got != tt.want {
			t.Errorf("%v: %d, want %d", tt.kinds, got, tt.want)
		}
	}
}

// readers are scripts by which other implementations of Parquet print all rows
// of a file as JSON.
var readers = map[string]string{
	"hyparquet": `
const { parquetReadObjects, asyncBufferFromFile } = await import(modules + '/hyparquet/src/node.js').catch(() => import(modules + '/hyparquet/src/hyparquet.js'))
const { compressors } = await import(modules + '/hyparquet-compressors/src/index.js')
const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors })
`,
	"@duckdb/node-api": `
const { DuckDBInstance } = (await import(modules + '/@duckdb/node-api/lib/index.js')).default
const db = await (await DuckDBInstance.create(':memory:')).connect()
const reader = await db.runAndReadAll("select * from read_parquet('" + file + "')")
const rows = reader.getRowObjects()
`,
}

// TestOtherReaders: programs that share no line with the writer read the same.
func TestOtherReaders(t *testing.T) {
	modules := os.Getenv("ERGO_NODE_MODULES")
	if modules == "" {
		t.Skip("set ERGO_NODE_MODULES to a node_modules that holds them: npm install hyparquet hyparquet-compressors @duckdb/node-api")
	}
	_, raw := tableOf(t, "process_list", all())
	file := filepath.Join(t.TempDir(), "processes.parquet")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, script := range readers {
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join(modules, name)); err != nil {
				t.Skipf("%s is not there: %v", name, err)
			}
			code := "const modules = process.argv[1], file = process.argv[2];" + script +
				"console.log(JSON.stringify(rows, (k, v) => typeof v === 'bigint' ? Number(v) : v))"
			cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", code, modules, file)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, errs.String())
			}
			var rows []map[string]any
			if err := json.Unmarshal(out, &rows); err != nil || len(rows) != 16 {
				t.Fatalf("%d rows, %v: %.300s", len(rows), err, out)
			}
			last := rows[15]
			if last["node"] != "b@h" || last["Name"] != "quiet" || last["MessagesIn"] != 30.0 || rows[0]["Name"] != `=HYPERLINK("x")` {
				t.Errorf("last row %v", last)
			}
		})
	}
}

// TestSubjects: an answer about somebody stands for itself, and says about whom.
func TestSubjects(t *testing.T) {
	if testing.Short() {
		t.Skip("captures in every form")
	}
	rec := captured(t, "stuck")
	from, to := rec.Window()
	o := Options{From: from, To: to}
	for _, tool := range []string{"process_info", "process_inspect"} {
		want := 0
		for s, err := range rec.Samples(t.Context(), "", tool, from, to) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Failure == nil && rowsIn(s.Text) != nil {
				want++
			}
		}
		var b bytes.Buffer
		rows, err := Parquet(t.Context(), &b, rec, tool, o)
		if err != nil || rows != want || want < 50 {
			t.Errorf("%s: %d rows of %d answers, %v", tool, rows, want, err)
			continue
		}
		f, err := parquet.OpenFile(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rowsOf(t, f) {
			if pid := r["subject_pid"].String(); !strings.HasPrefix(pid, "<") || tool == "process_info" && r["PID"].String() != pid {
				t.Fatalf("%s: a row of %v about %q", tool, r["PID"], pid)
			}
		}
	}
	var links bytes.Buffer
	if rows, err := Parquet(t.Context(), &links, rec, "network_nodes", o); err != nil || rows == 0 {
		t.Fatalf("%d links, %v", rows, err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(links.Bytes()), int64(links.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if r := rowsOf(t, f)[0]; r["node"].String() == r["peer"].String() || r["peer"].String() == "" {
		t.Errorf("a link from %v to %v", r["node"], r["peer"])
	}
	var b bytes.Buffer
	if err := OpenMetrics(t.Context(), &b, rec, o); err != nil {
		t.Fatal(err)
	}
	checkOrder(t, b.String())
	if !strings.Contains(b.String(), `ergo_process_info_messages_in_total{node="gamma@localhost",subject_pid="<`) {
		t.Error("series of process_info do not say whose they are")
	}
}
