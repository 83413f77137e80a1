package mcp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestPlugin holds the files of the plugin to what their published schemas ask
// of the fields that they use (schemastore.org: claude-code-plugin-manifest,
// claude-code-marketplace, both of 2026-04-23).
func TestPlugin(t *testing.T) {
	const root = ".."
	type person struct{ Name, Email, URL string }
	var plugin struct {
		Name, Version, Description, License, Homepage, Repository string
		Author                                                    *person
		Keywords                                                  []string
	}
	strictly(t, filepath.Join(root, ".claude-plugin", "plugin.json"), &plugin)
	if plugin.Name == "" || plugin.Author == nil || plugin.Author.Name == "" || !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(plugin.Version) {
		t.Errorf("plugin.json: %+v", plugin)
	}
	var market struct {
		Name     string
		Owner    *person
		Metadata struct{ Description, Version, PluginRoot string }
		Plugins  []struct{ Name, Source, Description string }
	}
	strictly(t, filepath.Join(root, ".claude-plugin", "marketplace.json"), &market)
	if market.Name == "" || market.Owner == nil || market.Owner.Name == "" || len(market.Plugins) == 0 {
		t.Errorf("marketplace.json: %+v", market)
	}
	for _, p := range market.Plugins {
		if p.Name != plugin.Name || !regexp.MustCompile(`^\./`).MatchString(p.Source) {
			t.Errorf("marketplace.json lists %+v", p)
		}
	}
	var servers struct {
		MCPServers map[string]struct {
			Command string
			Args    []string
		}
	}
	strictly(t, filepath.Join(root, ".mcp.json"), &servers)
	for name, s := range servers.MCPServers {
		if s.Command != "analyze" || !slices.Contains(s.Args, "mcp") {
			t.Errorf(".mcp.json starts %s by %+v", name, s)
		}
	}
	if len(servers.MCPServers) != 1 {
		t.Errorf(".mcp.json names %d servers", len(servers.MCPServers))
	}
}

// strictly reads a file that has no field but those of its form.
func strictly(t *testing.T, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Errorf("%s: %v", path, err)
	}
}
