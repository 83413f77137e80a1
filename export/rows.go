package export

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/replay"
)

// Options say what is exported.
type Options struct {
	From, To time.Time
	Node     string // a glob over names of nodes; "" is all
	Process  string // a glob over names of processes; "" is all
	// Damaged is told what could not be read; nil passes it over.
	Damaged func(error)

	mostPoints int // see the constant; 0 is that
}

// ErrNothing is that no answers of a tool are in the window.
var ErrNothing = errors.New("no answers in the window")

// nothing says so of a tool, and what there is.
func (o *Options) nothing(rec *replay.Recording, tool string) error {
	return fmt.Errorf("export %s: %w; there are %s", tool, ErrNothing, strings.Join(Tools(rec), ", "))
}

// Holds reports whether a node is among those that are exported.
func (o *Options) Holds(node string) bool { return fits(o.Node, node) }

// Valid says which glob is none.
func (o *Options) Valid() error {
	for _, glob := range []string{o.Node, o.Process} {
		if _, err := path.Match(glob, ""); err != nil {
			return fmt.Errorf("%q: %w", glob, err)
		}
	}
	return nil
}

func fits(glob, name string) bool {
	ok, err := path.Match(glob, name)
	return glob == "" || err == nil && ok
}

// Tools are the tools whose answers have columns, in order.
func Tools(rec *replay.Recording) []string {
	var out []string
	for _, s := range rec.Streams() {
		if s.Kind == archive.Sample && s.Schema.Form != archive.FormText && !slices.Contains(out, s.Name) {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// nodes are the nodes on which a tool was recorded.
func nodes(rec *replay.Recording, tool, glob string) []string {
	var out []string
	for _, s := range rec.Streams() {
		if s.Kind == archive.Sample && s.Name == tool && fits(glob, s.Node) && !slices.Contains(out, s.Node) {
			out = append(out, s.Node)
		}
	}
	slices.Sort(out)
	return out
}

// frames walks the answers of a tool on a node, without what is no answer.
func (o *Options) frames(ctx context.Context, rec *replay.Recording, node, tool string, columns []string, each func(*archive.Frame) error) error {
	var damage *archive.CorruptionError
	for f, err := range o.answers(ctx, rec, node, tool, columns) {
		switch {
		case errors.As(err, &damage):
			if o.Damaged != nil {
				o.Damaged(err)
			}
			continue
		case err != nil:
			return err
		case f.Failure != nil:
			continue
		}
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}

// column is the column of that name in a frame, nil where it has none.
func column(f *archive.Frame, name string) *archive.Column {
	for i := range f.Columns {
		if f.Columns[i].Name == name {
			return &f.Columns[i]
		}
	}
	return nil
}

func textAt(c *archive.Column, slot int32) string {
	if c == nil {
		return ""
	}
	return c.Text(slot)
}

// columnsOf are the columns that a tool's answers have in the window, with
// what the schema says of them.
func (o *Options) columnsOf(ctx context.Context, rec *replay.Recording, tool string) ([]string, error) {
	var out []string
	seen := map[string]bool{}
	for _, node := range nodes(rec, tool, o.Node) {
		err := o.frames(ctx, rec, node, tool, nil, func(f *archive.Frame) error {
			for _, c := range f.Columns {
				if !seen[c.Name] {
					seen[c.Name] = true
					out = append(out, c.Name)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	key := tools48.Schema(tool).Key
	slices.SortFunc(out, func(a, b string) int {
		if ka, kb := slices.Contains(key, a), slices.Contains(key, b); ka != kb {
			if ka {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return out, nil
}

func cumulative(tool, column string) bool {
	return tools48.Schema(tool).Columns[column] == ergo.Cumulative
}
