package bench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkDuckDB keeps what BenchmarkParquet does in a file of DuckDB's own, and
// asks DuckDB for the same of Parquet files. What is taken in comes from Parquet,
// sorted by process. It needs node and "npm ci" in duckdb.
func BenchmarkDuckDB(b *testing.B) {
	if _, err := os.Stat("duckdb/node_modules/@duckdb/node-api"); err != nil {
		b.Skip("npm ci in bench/duckdb brings DuckDB: ", err)
	}
	dir := b.TempDir()
	var files result
	rows := toParquet(b, dir, &files)
	list := moments(b, 50)
	answers := askDuckDB(b, dir, list)
	for _, c := range []struct {
		name  string
		asked duckAnswers
		size  int64
		taken figure
	}{
		{"own", answers.Own, sizeOf(filepath.Join(dir, "a.duckdb")), answers.Own.Taken.figure()},
		{"parquet", answers.Parquet, files.size, files.taken},
	} {
		b.Run(c.name, func(b *testing.B) {
			out := result{size: c.size, taken: c.taken, opened: c.asked.Opened.figure(), scan: c.asked.Scan.figure(), scanned: c.asked.Scanned}
			i := -1
			out.ask(b, list, func(m moment) moment {
				i++
				s := c.asked.States[i]
				return moment{Node: m.Node, At: m.At, Rows: s.Rows, In: s.In, Running: s.Running, Behavior: s.Behavior}
			})
			for i, s := range c.asked.States {
				out.states[i] = s.figure()
			}
			out.report(b, rows)
		})
	}
}

type duckFigure struct{ Wall, CPU int64 }

func (f duckFigure) figure() figure { return figure{time.Duration(f.Wall), time.Duration(f.CPU)} }

type duckAnswers struct {
	Taken, Opened, Scan duckFigure
	Scanned             int64
	States              []struct {
		duckFigure
		Rows, Behavior int
		In, Running    int64
	}
}

func askDuckDB(b *testing.B, dir string, list []moment) (out struct{ Own, Parquet duckAnswers }) {
	type at struct {
		Node int   `json:"node"`
		At   int64 `json:"at"`
	}
	var asked []at
	for _, m := range list {
		asked = append(asked, at{m.Node, m.At.UnixMilli()})
	}
	text, err := json.Marshal(asked)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "moments.json"), text, 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("node", "peer.mjs", dir)
	cmd.Dir, cmd.Stderr = "duckdb", os.Stderr
	text, err = cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		b.Fatal(err)
	}
	return out
}
