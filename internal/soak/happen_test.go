package soak

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/faultdisk"
	"ergorecorder/internal/sim"
)

// events is what can happen; what stands twice happens twice as often.
func (w *world) events() []func() {
	return []func(){
		w.breakDisk, w.breakDisk, w.mendDisk, w.mendDisk, w.mendDisk,
		w.cutPower, w.cutPower,
		w.node(func(n *sim.LiveNode) { n.Kill() }), w.start, w.start,
		w.node(func(n *sim.LiveNode) { n.Freeze() }), w.thaw, w.thaw,
		w.node(func(n *sim.LiveNode) { n.NoApp = !n.NoApp }),
		w.node(func(n *sim.LiveNode) { n.Log(w.between(1, 6000)) }), w.node(func(n *sim.LiveNode) { n.Log(3) }),
		w.node(func(n *sim.LiveNode) { n.Processes = w.between(1, 80) }),
		w.cutLink, w.setClock, w.rotate, w.note, w.dump, w.scan, w.salvage, w.crowd,
	}
}

// start begins a new life of all nodes that have none.
func (w *world) start() {
	for _, n := range w.nodes {
		w.cluster.Node(n, func(n *sim.LiveNode) {
			if n.Dead() {
				n.Start()
			}
		})
	}
}

func (w *world) thaw() {
	for _, n := range w.nodes {
		w.cluster.Node(n, func(n *sim.LiveNode) { n.Thaw(); n.NoApp = false })
	}
}

// node does something to one of the nodes.
func (w *world) node(do func(*sim.LiveNode)) func() {
	return func() {
		w.cluster.Node(w.nodes[w.rng.IntN(len(w.nodes))], func(n *sim.LiveNode) { do(n) })
	}
}

func (w *world) cutLink() {
	to, cut := w.nodes[w.rng.IntN(len(w.nodes))], w.chance(0.5)
	w.node(func(n *sim.LiveNode) { n.Cut = map[string]bool{to: cut && to != n.Name} })()
}

func (w *world) breakDisk() {
	kinds := append(faultdisk.Writes(), faultdisk.Commits()...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = kinds[w.rng.IntN(len(kinds))]
	w.often = []float64{0.02, 0.2, 1}[w.rng.IntN(3)]
}

func (w *world) mendDisk() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bad = faultdisk.None
}

// setClock sets the clock of the recording machine.
func (w *world) setClock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offset += time.Duration(w.between(-5000, 5000)) * time.Millisecond
}

func (w *world) note() { w.rec.Note("seen") }

func (w *world) rotate() {
	if filepath.Ext(w.path) != ".erg" {
		_ = w.writer.Rotate() // where the disk fails it says so, and goes on
	}
}

// cutPower looks at what is on disk at this instant, as after a kill: it opens,
// is sound, and holds all that was called durable.
func (w *world) cutPower() {
	path, saved := w.copied("cut")
	defer os.RemoveAll(path)
	again, err := archive.OpenWriter(path, nil)
	if err != nil {
		if saved > 0 {
			w.t.Errorf("after a power cut: %v", err)
		}
		return
	}
	if err := again.Close(); err != nil {
		w.t.Errorf("after a power cut: %v", err)
	}
	rep := w.verify(path)
	if rep != nil && !w.plan.retention && uint64(rep.Records) < saved {
		w.t.Errorf("after a power cut %d records are there of %d that were called durable", rep.Records, saved)
	}
	w.cuts.Add(1)
}

// copied copies the archive as it is on disk at this instant, and tells how much
// was called durable.
func (w *world) copied(name string) (path string, saved uint64) {
	synctest.Wait()
	saved = w.writer.Stats().Saved
	path = filepath.Join(w.dir, name)
	if err := copyAll(filepath.Clean(w.path), path); err != nil {
		w.t.Error(err)
	}
	if filepath.Ext(w.path) != ".erg" {
		path += string(filepath.Separator)
	}
	return path, saved
}

// copyAll copies a file, or a folder of files.
func copyAll(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
}
