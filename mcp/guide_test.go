package mcp

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder"
	"ergorecorder/analyze/finding"
)

// TestGuide walks every word in code font of the guides for agents: what looks
// like a tool, an argument or a value of one is one.
func TestGuide(t *testing.T) {
	known := map[string]bool{"wait response": true, "zombee": true, "sleep": true, "running": true, "init": true, "terminated": true}
	for _, tool := range Tools() {
		known[tool.Name] = true
		for _, p := range tool.Params {
			known[p.Name] = true
			for _, e := range p.Enum {
				known[e] = true
			}
		}
	}
	for _, k := range finding.Kinds() {
		known[string(k.Kind)] = true
	}
	// Fields of answers, words of a finding, and what a supervisor shows.
	for _, w := range []string{"intensity", "period", "messages_unhandled", "severity", "confidence", "onset", "caveats", "error"} {
		known[w] = true
	}
	word := regexp.MustCompile("`([a-z]+(?:[_ ][a-z]+)*)`")
	seen := 0
	err := fs.WalkDir(ergorecorder.Documents, "skills", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := ergorecorder.Documents.ReadFile(name)
		if err != nil {
			return err
		}
		if lines := strings.Count(string(text), "\n"); path.Base(name) == "SKILL.md" && lines > 200 {
			t.Errorf("%s has %d lines", name, lines)
		}
		for _, m := range word.FindAllStringSubmatch(string(text), -1) {
			seen++
			if w := m[1]; !known[w] && !slices.Contains([]string{"caused by", "analyze verify", "analyze salvage", "analyze mcp"}, w) {
				t.Errorf("%s: `%s` is no tool, argument, value or kind", name, w)
			}
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Fatalf("%d words, %v", seen, err)
	}
}

// TestGuideIsServed reads the guide and its pages as a client does.
func TestGuideIsServed(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	uris := []string{guideURI}
	for _, g := range guides() {
		uris = append(uris, guideURI+"/"+g.name)
	}
	for _, uri := range uris {
		res, err := session.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || len(res.Contents) != 1 || len(res.Contents[0].Text) < 500 {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
