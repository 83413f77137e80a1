package tools48

import (
	"encoding/json"
	"testing"

	"ergorecorder/ergo"
)

func TestToolsHaveHelp(t *testing.T) {
	seen := map[string]bool{}
	for _, tool := range Tools() {
		if tool.Help == "" || seen[tool.Name] {
			t.Errorf("%s: no help, or named twice", tool.Name)
		}
		seen[tool.Name] = true
		for _, p := range tool.Params {
			if p.Help == "" {
				t.Errorf("%s: parameter %s has no help", tool.Name, p.Name)
			}
		}
		var schema struct {
			Type       string
			Properties map[string]any
			Required   []string
		}
		if err := json.Unmarshal(tool.InputSchema(Common()...), &schema); err != nil {
			t.Fatal(err)
		}
		if schema.Type != "object" || len(schema.Properties) != len(tool.Params)+2 {
			t.Errorf("%s: schema %s", tool.Name, tool.InputSchema(Common()...))
		}
	}
	if len(seen) != 48 {
		t.Errorf("%d tools, want 48", len(seen))
	}
}

func TestTool(t *testing.T) {
	if tool, ok := Tool("process_kill"); !ok || tool.Kind != ergo.Action {
		t.Errorf("process_kill: %v, %v", tool, ok)
	}
	if tool, ok := Tool("sample_read"); !ok || tool.Kind != ergo.Sampler || !tool.Params[0].Required {
		t.Errorf("sample_read: %v, %v", tool, ok)
	}
	if _, ok := Tool("no_such_tool"); ok {
		t.Error("no_such_tool is known")
	}
}
