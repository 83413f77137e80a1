package layers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// What a finding scores comes from the table of kinds: outside of it, no score
// is a number in the code.
func TestScoresComeFromTheTable(t *testing.T) {
	for _, root := range []string{"../../analyze", "../../compare"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/finding/") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if lit := scoreIn(n); lit != nil {
					t.Errorf("%s: the score %s stands in the code: take it from finding.Score and the row of its kind", set.Position(lit.Pos()), lit.Value)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// scoreIn is the literal of two digits that a statement or a field gives to a
// Score.
func scoreIn(n ast.Node) *ast.BasicLit {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Score" {
			return literal(n.Value)
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if named(to) && len(n.Rhs) == len(n.Lhs) {
				if lit := literal(n.Rhs[i]); lit != nil {
					return lit
				}
			}
		}
	}
	return nil
}

// named reports whether it is a score that is assigned to.
func named(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name == "Score"
	case *ast.Ident:
		return e.Name == "score"
	}
	return false
}

// literal is a number of two digits or more in an expression, but in what
// finding.Score is asked for.
func literal(e ast.Expr) *ast.BasicLit {
	var found *ast.BasicLit
	ast.Inspect(e, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Score" {
				return false
			}
		}
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.INT && len(lit.Value) > 1 {
			found = lit
		}
		return true
	})
	return found
}
