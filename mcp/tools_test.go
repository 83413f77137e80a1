package mcp

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ergorecorder/ergo/tools48"
)

var update = flag.Bool("update", false, "write the generated part of docs/mcp.md")

// TestToolTable walks the one table of tools: help, schemas and names.
func TestToolTable(t *testing.T) {
	contract := tools48.Tools()
	seen := map[string]bool{}
	for i, tool := range Tools() {
		if seen[tool.Name] {
			t.Errorf("%s is there twice", tool.Name)
		}
		seen[tool.Name] = true
		if tool.Cluster != (i < len(contract)) || tool.Cluster && tool.Name != contract[i].Name {
			t.Errorf("row %d is %s; the contract's tools come first, in its order", i, tool.Name)
		}
		if len(tool.Help) < 10 || tool.Title == "" || tool.run == nil {
			t.Errorf("%s lacks help, title or function", tool.Name)
		}
		at := slices.ContainsFunc(tool.Params, func(p Param) bool { return p.Name == "at" })
		if tool.Cluster && at == tool.Action {
			t.Errorf("%s: every tool of the cluster takes at, but for actions", tool.Name)
		}
		for _, p := range tool.Params {
			if p.Help == "" {
				t.Errorf("%s: parameter %s has no help", tool.Name, p.Name)
			}
		}
		compile(t, tool.Name, tool.definition(AllTools))
	}
}

// compile checks that the schema of a tool's arguments is a JSON Schema of an object.
func compile(t *testing.T, name string, definition any) {
	t.Helper()
	var d struct{ InputSchema map[string]any }
	text, err := json.Marshal(definition)
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	for part, schema := range map[string]map[string]any{"input": d.InputSchema} {
		c := jsonschema.NewCompiler()
		if err := c.AddResource("schema.json", any(schema)); err != nil {
			t.Errorf("%s: %s schema: %v", name, part, err)
			continue
		}
		if _, err := c.Compile("schema.json"); err != nil || schema["type"] != "object" {
			t.Errorf("%s: %s schema: %v, type %v", name, part, err, schema["type"])
		}
		if strings.Contains(string(mustJSON(schema)), `"type":[`) {
			t.Errorf("%s: %s schema has a type that is a list", name, part)
		}
	}
}

// TestContract holds the schemas of the cluster's tools against the contract:
// the same arguments, and at.
func TestContract(t *testing.T) {
	own := Tools()
	for i, c := range tools48.Tools() {
		var want, got struct {
			Properties map[string]any
			Required   []string
		}
		if err := json.Unmarshal(c.InputSchema(tools48.Common()...), &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(own[i].inputSchema(), &got); err != nil {
			t.Fatal(err)
		}
		for _, ours := range []string{"at", "fields", "max_bytes"} {
			delete(got.Properties, ours)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s differs from the contract (-contract +ours):\n%s", c.Name, diff)
		}
	}
}

// TestManual compares the tables in docs/mcp.md with the table of tools.
func TestManual(t *testing.T) {
	const path, begin, end = "../docs/mcp.md", "<!-- tools: begin -->\n", "<!-- tools: end -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no part between %q and %q", path, begin, end)
	}
	text := Manual()
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+text+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(old, text); diff != "" {
		t.Errorf("%s is out of date; go test ./mcp -run TestManual -update writes it:\n%s", path, diff)
	}
}
