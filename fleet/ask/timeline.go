package ask

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"ergorecorder/archive"
	"ergorecorder/fleet/merge"
)

// timeline makes one timeline of the recordings of several recorders. What one
// alone recorded is read where it lies; nodes that several recorded, those of a
// recorder whose clock was off, and all marks are merged into a file that goes
// with the program.
func (out *Opened) timeline(ctx context.Context, inputs []merge.Input, o Options) error {
	for _, in := range inputs {
		out.Readers = append(out.Readers, in.Reader)
	}
	if len(inputs) == 1 || o.Apart {
		return nil
	}
	if alone(inputs) {
		return nil
	}
	plan, err := merge.Look(ctx, inputs)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	if why := plan.Apart(); why != "" {
		return errors.Join(fmt.Errorf("%w; give the address of one: with the archive's number behind it", &merge.ApartError{Why: why, Clusters: plan.Clusters}), out.Close())
	}
	shared := sharedNodes(plan)
	merged, notes, err := mergedOf(ctx, plan, merge.Options{From: o.From, To: o.To, Bare: true, Nodes: func(n string) bool { return shared[n] }}, o)
	if err != nil {
		return errors.Join(err, out.Close())
	}
	for _, r := range out.Readers {
		r.Leave(func(k archive.StreamKey) bool { return k.Node != "" && k.Kind != archive.MarkKind && !shared[k.Node] })
	}
	out.Readers = append(out.Readers, merged)
	out.Notes = append(out.Notes, notes...)
	return nil
}

// alone reports whether only one of the inputs holds more than marks.
func alone(inputs []merge.Input) bool {
	n := 0
	for _, in := range inputs {
		if slices.ContainsFunc(in.Reader.Streams(), func(s archive.Stream) bool { return s.Kind != archive.MarkKind }) {
			n++
		}
	}
	return n < 2
}

// sharedNodes are the nodes that are to be merged.
func sharedNodes(plan *merge.Plan) map[string]bool {
	by := map[string]int{} // which input recorded it, from 1
	shared := map[string]bool{}
	for i, in := range plan.Inputs {
		for _, s := range in.Reader.Streams() {
			if s.Node == "" {
				continue
			}
			if other := by[s.Node]; plan.Clocks[i].Shift() != 0 || other != 0 && other != i+1 {
				shared[s.Node] = true
			}
			by[s.Node] = i + 1
		}
	}
	return shared
}

// mergedOf merges into a file of the cache's directory that is gone with the
// program.
func mergedOf(ctx context.Context, plan *merge.Plan, m merge.Options, o Options) (r *archive.Reader, notes []string, err error) {
	in := ""
	if o.Cache != nil {
		in = o.Cache.Dir()
	}
	dir, err := os.MkdirTemp(in, "merged-")
	if err != nil {
		return nil, nil, fmt.Errorf("merge what several recorders saw: %w", err)
	}
	defer os.RemoveAll(dir) // what is open stays readable
	path := filepath.Join(dir, "merged.erg")
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return nil, nil, err
	}
	res, err := plan.Merge(ctx, w, m)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, nil, err
	}
	for _, p := range res.Parts {
		if p.Shift != 0 {
			notes = append(notes, fmt.Sprintf("%s: its times were %s", p.Name, p.Clock))
		}
		if p.Clock.Set {
			notes = append(notes, fmt.Sprintf("%s: its clock was set while it recorded: its times before and after do not fit together", p.Name))
		}
	}
	r, err = archive.Open(path)
	return r, notes, err
}
