package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	mcpgo "github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"ergorecorder"
	"ergorecorder/analyze"
)

// URIs of the resources.
const (
	reportURI     = "recording://report"
	findingURI    = "recording://finding/"
	formatURI     = "recording://format"
	vocabularyURI = "recording://vocabulary"
	guideURI      = "recording://guide"
)

func (s *Server) addResources() {
	s.mcp.AddResource(mcpgo.NewResource(reportURI, "report",
		mcpgo.WithResourceDescription("The whole report over the recording: findings with evidence, what is healthy, what was not evaluated"),
		mcpgo.WithMIMEType("application/json")), s.limited(s.readReport))
	s.mcp.AddResourceTemplate(mcpgo.NewResourceTemplate(findingURI+"{id}", "finding",
		mcpgo.WithTemplateDescription("One finding of the report with its evidence, by ID or label (F1)"),
		mcpgo.WithTemplateMIMEType("application/json")), server.ResourceTemplateHandlerFunc(s.limited(s.readFinding)))
	type document struct{ uri, name, path, help string }
	documents := []document{
		{formatURI, "format", "FORMAT.md", "How a recording is stored, byte by byte"},
		{vocabularyURI, "vocabulary", "docs/findings.md", "The form of a finding, and every kind of finding with when it is claimed"},
		{guideURI, "guide", guidePath + "/SKILL.md", "How to do a post-mortem with these tools"},
	}
	for _, g := range guides() {
		documents = append(documents, document{guideURI + "/" + g.name, g.name, guidePath + "/references/" + g.name + ".md", g.help})
	}
	for _, d := range documents {
		s.mcp.AddResource(mcpgo.NewResource(d.uri, d.name, mcpgo.WithResourceDescription(d.help), mcpgo.WithMIMEType("text/markdown")),
			func(context.Context, mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
				text, err := ergorecorder.Documents.ReadFile(d.path)
				if err != nil {
					return nil, fmt.Errorf("read resource %s: %w", d.uri, err)
				}
				return contents(d.uri, "text/markdown", text), nil
			})
	}
}

// guidePath is where the guide for agents stands among the documents.
const guidePath = "skills/ergo-postmortem"

// guides are the pages that the guide refers to.
func guides() []struct{ name, help string } {
	return []struct{ name, help string }{
		{"process-model", "States, mailboxes and figures of processes, with their units"},
		{"playbooks", "The ten playbooks as calls of these tools"},
		{"traps", "Truths that look like faults, and faults that look like health"},
		{"findings", "How to read a finding, and what to ask when it cannot be told"},
		{"live", "A running recorder against a recording"},
	}
}

// limited gives the reading of a resource the time limit of a call.
func (s *Server) limited(read server.ResourceHandlerFunc) server.ResourceHandlerFunc {
	return func(ctx context.Context, req mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
		ctx, cancel := context.WithTimeout(ctx, s.opt.CallLimit)
		defer cancel()
		out, err := read(ctx, req)
		if err != nil {
			return nil, s.explain(ctx, "read "+req.Params.URI, err)
		}
		return out, nil
	}
}

func contents(uri, mime string, text []byte) []mcpgo.ResourceContents {
	return []mcpgo.ResourceContents{mcpgo.TextResourceContents{URI: uri, MIMEType: mime, Text: string(text)}}
}

func (s *Server) readReport(ctx context.Context, req mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	from, to := s.window(rec)
	rep, err := s.report(ctx, rec, analyze.Options{From: from, To: to})
	if err != nil {
		return nil, err
	}
	return jsonContents(req.Params.URI, rep)
}

func (s *Server) readFinding(ctx context.Context, req mcpgo.ReadResourceRequest) ([]mcpgo.ResourceContents, error) {
	rec, err := s.recording()
	if err != nil {
		return nil, err
	}
	f, err := s.finding(ctx, rec, strings.TrimPrefix(req.Params.URI, findingURI))
	if err != nil {
		return nil, err
	}
	return jsonContents(req.Params.URI, f)
}

// jsonContents is a value as a resource; <PID>s stay readable.
func jsonContents(uri string, v any) ([]mcpgo.ResourceContents, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %s: %w", uri, err)
	}
	return contents(uri, "application/json", b.Bytes()), nil
}
