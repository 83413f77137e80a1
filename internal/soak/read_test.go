package soak

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/recorder/dump"
)

// dump copies a window out of the archive that is being written.
func (w *world) dump() { w.dumpOf(time.Duration(w.between(1, 120))*time.Second, "dump.erg") }

func (w *world) dumpOf(last time.Duration, name string) {
	path := filepath.Join(w.dir, name)
	defer os.Remove(path)
	before := w.writer.Stats()
	to := w.now()
	n, err := dump.Window(context.Background(), w.writer.View(), to.Add(-last), to, path)
	if err != nil {
		w.toldOf("dump", err, &before)
		return
	}
	if rep := w.verify(path); rep != nil && rep.Records != n {
		w.t.Errorf("the dump holds %d records of %d", rep.Records, n)
	}
	w.dumps.Add(1)
}

// dropped reports whether a reader met what retention had removed meanwhile.
func (w *world) dropped(err error) bool { return w.plan.retention && errors.Is(err, os.ErrNotExist) }

// A refusal is what who read was told in place of an answer, and what the writer
// had counted before.
type refusal struct {
	what   string
	err    error
	before *archive.Stats
}

// toldOf keeps a refusal. It is judged when all that went on at this instant is
// over: a commit that is failing under a reader is counted at its end.
func (w *world) toldOf(what string, err error, before *archive.Stats) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused = append(w.refused, refusal{what, err, before})
}

// judge fails where somebody was refused for no reason.
func (w *world) judge() {
	for _, r := range w.refused {
		if !w.troubled(r.before) && !w.dropped(r.err) {
			w.t.Errorf("%s: %v", r.what, r.err)
		}
	}
	w.refused = nil
}

// troubled reports whether the storage failed since: who reads meanwhile may be told
// so in place of an answer.
func (w *world) troubled(since *archive.Stats) bool {
	now := w.writer.Stats()
	return now.Failing != nil || since.Failing != nil || now.Fault.Count != since.Fault.Count
}

// scan reads the archive while it is written: all records, in their order, and
// as many as were taken.
func (w *world) scan() {
	before := w.writer.Stats()
	n := uint64(0)
	for _, err := range w.writer.View().Records(context.Background(), archive.Query{}) {
		if err != nil {
			w.toldOf("scan", err, &before)
			return
		}
		n++
	}
	if !w.plan.retention && n < before.Records {
		w.t.Errorf("a reader sees %d records of %d that were taken", n, before.Records)
	}
	w.scans.Add(1)
}

// salvage saves what is on disk at this instant, once whole and once with a file
// that ends early: what comes out can be read, and of the whole it is all that was
// called durable.
func (w *world) salvage() {
	path, saved := w.copied("hurt")
	defer os.RemoveAll(path)
	w.salvageOf(path, saved)
}

func (w *world) salvageOf(path string, saved uint64) {
	if w.plan.retention {
		saved = 0
	}
	all := w.salvaged(path, true, saved)
	file := filepath.Clean(path)
	if segments, _ := filepath.Glob(filepath.Join(path, "*.erg")); len(segments) > 0 {
		file = segments[len(segments)-1]
	}
	info, err := os.Stat(file)
	if err == nil {
		err = os.Truncate(file, info.Size()*2/3)
	}
	if err != nil {
		w.t.Error(err)
	}
	if cut := w.salvaged(path, false, 0); cut > all {
		w.t.Errorf("%d records were saved from a file that was cut off, and %d from the whole", cut, all)
	}
	w.saves.Add(1)
}

// salvaged is how many records are saved of an archive: at least so many. What is
// saved of a whole one is sound; of one that was cut off it tells what is missing.
func (w *world) salvaged(path string, whole bool, least uint64) int {
	out := filepath.Join(w.dir, "saved.erg")
	defer os.Remove(out)
	_, err := archive.Salvage(context.Background(), path, out)
	if err != nil {
		if least > 0 || !errors.Is(err, archive.ErrNotArchive) {
			w.t.Errorf("salvage: %v", err)
		}
		return 0
	}
	rep, err := archive.Verify(context.Background(), out)
	if err != nil {
		w.t.Errorf("verify what was saved: %v", err)
		return 0
	}
	if whole && len(rep.Damage) > 0 {
		w.t.Errorf("damage in what was saved of a sound archive: %v", rep.Damage[0])
	}
	if uint64(rep.Records) < least {
		w.t.Errorf("%d records were saved of %d that were called durable", rep.Records, least)
	}
	return rep.Records
}

// crowd does all at once, while the recorder writes: many read, some copy, one
// saves, one rotates, and with it old segments go.
func (w *world) crowd() {
	if !w.chance(w.plan.crowds) {
		return
	}
	path, saved := w.copied("crowd")
	defer os.RemoveAll(path)
	last := time.Duration(w.between(1, 120)) * time.Second
	var all sync.WaitGroup
	for range 6 {
		all.Go(w.scan)
	}
	all.Go(func() { w.dumpOf(last, "dump1.erg") })
	all.Go(func() { w.dumpOf(last/2, "dump2.erg") })
	all.Go(func() { w.salvageOf(path, saved) })
	all.Go(w.rotate)
	all.Go(w.note)
	all.Wait()
	w.crowds.Add(1)
}
