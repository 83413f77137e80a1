package layers

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var show = flag.Bool("arrows", false, "print the arrows between files of analyze")

// mostBackUp is how many arrows between the files of analyze's packages may run
// against the order in which their files are best read.
const mostBackUp = 10

// TestArrows counts the arrows between files: file A calls what file B of its
// package declares. In the order of files that has the fewest, those that run
// back up are what makes a package a maze. Between packages none can.
func TestArrows(t *testing.T) {
	total, back := 0, 0
	for _, p := range typed(t, "./analyze/...") {
		order := reading(p.arrows)
		place := map[string]int{}
		for i, f := range order {
			place[f] = i
		}
		for _, from := range order {
			for _, to := range slices.Sorted(maps.Keys(p.arrows[from])) {
				up := ""
				if total++; place[to] < place[from] {
					back++
					up = "  back up"
				}
				if *show {
					fmt.Printf("%s: %s > %s (%s)%s\n", p.path, from, to, p.arrows[from][to], up)
				}
			}
		}
	}
	t.Logf("%d arrows, %d back up", total, back)
	if total == 0 || back >= mostBackUp {
		t.Errorf("of %d arrows between files %d run back up, fewer than %d may: go test ./internal/layers -run TestArrows -v -arrows shows them", total, back, mostBackUp)
	}
}

// A room is a package with the arrows between its files: from, to, and a name for example.
type room struct {
	path   string
	arrows map[string]map[string]string
}

// typed are the packages that a pattern names, type-checked.
func typed(t *testing.T, pattern string) []room {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export,DepOnly", pattern)
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var rooms []room
	exports := map[string]string{}
	fset := token.NewFileSet()
	load := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Dir, Export string
			GoFiles                 []string
			DepOnly                 bool
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return rooms
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export // dependencies come first
		if p.DepOnly {
			continue
		}
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		info := types.Info{Uses: map[*ast.Ident]types.Object{}}
		pkg, err := (&types.Config{Importer: load}).Check(p.ImportPath, fset, files, &info)
		if err != nil {
			t.Fatal(err)
		}
		rooms = append(rooms, room{strings.TrimPrefix(p.ImportPath, module+"/"), arrows(fset, pkg, &info)})
	}
}

// arrows are those between the files of a package: the functions and methods of
// another file that one calls or hands on.
func arrows(fset *token.FileSet, pkg *types.Package, info *types.Info) map[string]map[string]string {
	found := map[string]map[string]string{}
	for id, obj := range info.Uses {
		if obj.Pkg() != pkg {
			continue
		}
		fn, ok := obj.(*types.Func)
		if !ok {
			continue
		}
		obj = fn.Origin()
		from, to := filepath.Base(fset.Position(id.Pos()).Filename), filepath.Base(fset.Position(obj.Pos()).Filename)
		if from == to {
			continue
		}
		if found[from] == nil {
			found[from] = map[string]string{}
		}
		if was := found[from][to]; was == "" || obj.Name() < was {
			found[from][to] = obj.Name()
		}
	}
	return found
}

// reading is an order of files with few arrows that run back up: sources first,
// sinks last, and where there is a circle the file with most arrows to give
// before those with most to take (Eades, Lin and Smyth 1993).
func reading(arrows map[string]map[string]string) []string {
	out, in := map[string]map[string]bool{}, map[string]map[string]bool{}
	left := map[string]bool{}
	link := func(m map[string]map[string]bool, a, b string) {
		if m[a] == nil {
			m[a] = map[string]bool{}
		}
		m[a][b] = true
	}
	for a, to := range arrows {
		for b := range to {
			link(out, a, b)
			link(in, b, a)
			left[a], left[b] = true, true
		}
	}
	var first, last []string
	take := func(f string) {
		for b := range out[f] {
			delete(in[b], f)
		}
		for a := range in[f] {
			delete(out[a], f)
		}
		delete(left, f)
	}
	for len(left) > 0 {
		names := slices.Sorted(maps.Keys(left))
		if i := slices.IndexFunc(names, func(f string) bool { return len(out[f]) == 0 }); i >= 0 {
			last = append(last, names[i])
			take(names[i])
			continue
		}
		next := slices.MaxFunc(names, func(a, b string) int {
			return cmp.Compare(len(out[a])-len(in[a]), len(out[b])-len(in[b]))
		})
		first = append(first, next)
		take(next)
	}
	slices.Reverse(last)
	return append(first, last...)
}
