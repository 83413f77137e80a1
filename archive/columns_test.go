package archive_test

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/body"
	"ergorecorder/archive/internal/codec/header"
)

// columnOf is a checksum of all that cells tell of a column, and whether damage was met.
func columnOf(r *archive.Reader, k archive.StreamKey, column string) (sum uint64, found bool) {
	var b []byte
	h := fnv.New64a()
	for c, err := range r.Cells(ctx, k, time.Time{}, time.Time{}, []string{column}) {
		if err != nil {
			return 0, true
		}
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(c.At.UnixNano()))
		for _, p := range c.Parts {
			for _, row := range p.Columns[0].Rows {
				kind, num, text := p.Columns[0].Cell(row)
				b = binary.LittleEndian.AppendUint64(append(b, byte(row), byte(row>>8), byte(kind)), uint64(num))
				b = append(b, text...)
			}
		}
		h.Write(b)
	}
	return h.Sum64(), false
}

// A place in a file, in what every reader of its block needs, or in a column.
type spot struct{ at, column int }

// spots are places in the largest block of a file: in its head, its directory, its checksums by column, and each of its columns.
func spots(t *testing.T, file []byte) (list []spot) {
	t.Helper()
	var block []byte
	start := 0
	for at := 0; ; at++ {
		i := bytes.Index(file[at:], []byte(header.Magic))
		if i < 0 {
			break
		}
		at += i
		if _, _, size, err := header.Parse(file[at:]); err == nil && size > len(block) {
			block, start = file[at:at+size:at+size], at
		}
	}
	_, rest, _, err := header.Parse(block)
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := body.Parse(block[4], block[5], rest, codec.NewZip())
	if err != nil {
		t.Fatal(err)
	}
	data := len(block) - cap(pieces[0].Data) // where it begins: the directory ends there
	for _, at := range []int{0, 4, 9, 13, 20, 33, 40, 60, 100, len(block) - len(rest), (len(block) - len(rest) + data) / 2, data - 1} {
		list = append(list, spot{start + at, -1})
	}
	for _, p := range pieces {
		s := spot{start + len(block) - cap(p.Data) + len(p.Data)/2, -1}
		if field := p.Tag / 4; field >= body.FieldColumns {
			s.column = (field - body.FieldColumns) / 2
		}
		list = append(list, s)
	}
	return list
}

// TestColumnDamage: a bit that is flipped in a block is found by whoever reads the column in which it is, by whoever
// reads any of it where it is in what all need, and by verify; who reads other columns is told what was recorded. Of both forms of a file.
func TestColumnDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	load := archivetest.NewWorkload(1, 250, 1)
	for range 110 {
		if _, err := w.Append(load.Next(0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"segment": readFile(t, path), "flat": writeFlat(t, path)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			columnDamage(t, filepath.Join(t.TempDir(), "b.erg"), load.Stream(0), file)
		})
	}
}

func columnDamage(t *testing.T, path string, k archive.StreamKey, file []byte) {
	t.Helper()
	columns := []string{"PID", "Name", "State", "MessagesIn", "RunningTime", "StateTime", "MailboxLatency", "Uptime"}
	told := map[string]uint64{}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	archivetest.Verify(t, path)
	r := archivetest.Open(t, path)
	for _, c := range columns {
		if told[c], _ = columnOf(r, k, c); told[c] == 0 {
			t.Fatalf("nothing is told of %s", c)
		}
	}
	alone := map[int]string{} // which column alone found what is damaged in it
	for _, s := range spots(t, file) {
		bad := bytes.Clone(file)
		bad[s.at] ^= 1 << (s.at % 8)
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := archive.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var by []string
		for _, c := range columns {
			got, found := columnOf(r, k, c)
			if found {
				by = append(by, c)
			} else if got != told[c] {
				t.Fatalf("byte %d, of column %d: something else is told of %s", s.at, s.column, c)
			}
		}
		switch {
		case s.column < 0 && len(by) < len(columns), s.column >= 0 && len(by) > 1:
			t.Errorf("byte %d, of column %d: found by %v", s.at, s.column, by)
		case s.column >= 0 && len(by) == 1:
			alone[s.column] = by[0]
		}
		whole := false
		for _, err := range r.Scan(ctx, k, time.Time{}, time.Time{}, nil) {
			whole = whole || err != nil
		}
		errs := 0
		for _, err := range r.Records(ctx, archive.Query{Reverse: s.at%2 == 0}) {
			if err != nil {
				errs++
			}
		}
		if errs != 1 {
			t.Errorf("byte %d, of column %d: who reads whole records is told %d times", s.at, s.column, errs)
		}
		if rep, err := r.Verify(ctx); err != nil || len(rep.Damage) == 0 || !whole {
			t.Errorf("byte %d, of column %d: verify %v, %v; who reads all finds it: %v", s.at, s.column, rep.Damage, err, whole)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var found []string
	for _, c := range alone {
		found = append(found, c)
	}
	slices.Sort(found)
	slices.Sort(columns)
	if !slices.Equal(found, columns) {
		t.Errorf("damage was found by who reads %v alone, want each of %v", found, columns)
	}
}
