// Package tools48 is the spelling of Ergo's MCP application: its 48 tools, their
// parameters and what their answers say. Nodes of 3.0 to 3.2 with that
// application speak it, over HTTP or over a link.
//
// Its names of fields are the canonical ones, so nothing is translated but the
// keys of inspections, which nodes of 3.3 write otherwise. It does no I/O.
package tools48

import "ergorecorder/ergo"

// Name is what the spelling is called.
const Name = "tools48"

// spelling is made once; nobody changes it.
var spelling = ergo.NewSpelling(Name, withHelp(table()))

// Spelling is the spelling of the 48 tools.
func Spelling() *ergo.Spelling { return spelling }

// Tools are the 48 tools, in the order in which nodes list them.
func Tools() []ergo.Tool { return spelling.Tools() }

// Tool is the tool of that name.
func Tool(name string) (ergo.Tool, bool) { return spelling.Tool(name) }

// Schema is the schema with which an answer of a tool is stored.
func Schema(tool string) ergo.Schema { return spelling.Schema(tool) }

// Common are the parameters that every tool takes.
func Common() []ergo.Param {
	return []ergo.Param{
		{Name: "node", Type: "string", Help: help("node")},
		{Name: "timeout", Type: "integer", Help: help("timeout")},
	}
}

func withHelp(tools []ergo.Tool) []ergo.Tool {
	for _, t := range tools {
		for i := range t.Params {
			t.Params[i].Help = help(t.Params[i].Name)
		}
	}
	return tools
}

func says(r ergo.Reading) []ergo.Said { return []ergo.Said{{Reading: r}} }

// inspection says what processes say of themselves. Nodes of 3.3 put a prefix
// before the keys of the framework's own behaviors.
func inspection() []ergo.Said {
	said := ergo.Said{Reading: ergo.Inspection}
	for _, f := range ergo.Define(ergo.Inspection).Fields {
		said.Fields = append(said.Fields, ergo.SpelledField{Name: f.Name, Own: ergo.InspectKeys(f.Name)})
	}
	return []ergo.Said{said}
}
