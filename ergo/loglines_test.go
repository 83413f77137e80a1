package ergo

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"
)

// spellings are the rows of one kind of testdata/spellings.txt, in fields.
func spellings(t *testing.T, kind string, fields int) (rows [][]string) {
	t.Helper()
	f, err := os.Open("testdata/spellings.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		row := strings.SplitN(lines.Text(), "|", fields)
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		if row[0] == kind {
			if len(row) != fields {
				t.Fatalf("%q has no %d fields", lines.Text(), fields)
			}
			rows = append(rows, row[1:])
		}
	}
	return rows
}

// TestSpelledLines: the table reads what every release writes, in old and new
// spelling, and has no row that none of them writes.
func TestSpelledLines(t *testing.T) {
	rows := spellings(t, "line", 6)
	if len(rows) < 60 {
		t.Fatalf("%d lines", len(rows))
	}
	used := make([]bool, len(spelledLines))
	for _, r := range rows {
		typ, want, about, text := r[1], Line(r[2]), r[3], r[4]
		if about == "*" {
			about = "who"
		}
		if what, who := TellsWhat(typ, "who", text); what != want || who != about {
			t.Errorf("%q tells %q of %q, want %q of %q", text, what, who, want, about)
		}
		if who, ok := Tells(want, typ, "who", text); !ok || who != about {
			t.Errorf("%q tells %s of %q, %v", text, want, who, ok)
		}
		for i, s := range spelledLines {
			if _, ok := s.reads(i, typ, "who", text); ok && s.tells == want {
				used[i] = true
			}
		}
	}
	for i, s := range spelledLines {
		if !used[i] {
			t.Errorf("no release writes what the row %q reads", s.message)
		}
	}
}

// TestLinesOfOthers: a program's own words are not the framework's.
func TestLinesOfOthers(t *testing.T) {
	for _, c := range []struct{ typ, message string }{
		{"process", "stopped with reason normal"},
		{"process", "started"},
		{"process", "the order timed out after all"},
		{"process", "application panic: none"},
		{"process", "my registrar lost connection"},
		{"node", "unable to handle x"},
	} {
		if what, about := TellsWhat(c.typ, "x", c.message); what != "" {
			t.Errorf("%q tells %s of %q", c.message, what, about)
		}
	}
	if _, ok := Tells(LineAppStopped, "node", "x", "application 'orders' (permanent) started"); ok {
		t.Error("an application that started is told to have stopped")
	}
}

// TestSpelledKeys: an inspect key of any release is the framework's, under its one
// name, and tells what the process is.
func TestSpelledKeys(t *testing.T) {
	rows := spellings(t, "key", 5)
	of := map[string][]string{} // the keys of a kind, as one release writes them
	for _, r := range rows {
		release, kind, name, key := r[0], r[1], r[2], r[3]
		got, ours := InspectKey(key)
		if got != name || ours != (release == "3.3") || !InspectedByFramework(got) {
			t.Errorf("%s is %q, the framework's: %v, %v", key, got, ours, InspectedByFramework(got))
		}
		if !slices.Contains(InspectKeys(name), key) {
			t.Errorf("%s is no spelling of %s", key, name)
		}
		of[kind+" "+release] = append(of[kind+" "+release], key)
	}
	for who, keys := range of {
		kind, _, _ := strings.Cut(who, " ")
		if got := InspectedKind(func(key string) bool { return slices.Contains(keys, key) }); string(got) != kind {
			t.Errorf("%s is taken for a %q", who, got)
		}
	}
	for _, f := range inspectionFields() {
		if !slices.ContainsFunc(rows, func(r []string) bool { return r[2] == f.Name }) {
			t.Errorf("no release tells %s", f.Name)
		}
	}
}
