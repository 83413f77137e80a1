package scrub

import (
	"encoding/json"
	"strconv"
	"strings"
)

// What the fields of an answer hold. Fields that are not here hold words that
// may be English.
var fieldKinds = map[string]Kind{
	"application": Application, "app": Application, "behavior": Behavior, "worker_behavior": Behavior, "event": Event, "events": Event,
	"node": Node, "own_node": Node, "nodes": Node, "peer": Node, "owner": Node, "host": Host, "process": Process, "processes": Process,
}

// enums are fields whose values are words of the framework, as long as they are.
var enums = setOf(`state kind loglevel level levels mode strategy type status messagepriority log_levels log_source license role`)

// prose are fields that hold text for people.
var prose = setOf(`message description lasterr actioninfo reason error why note text`)

// nameKinds say what a field called name holds, by the beginning of the tool's
// name.
var nameKinds = []struct {
	tool string
	kind Kind
}{
	{"process_", Process},
	{"app_", Application},
	{"cluster_", Node},
	{"network_", Node},
	{"node_info", Node},
	{"event_", Event},
	{"registrar_", Node},
	{"cron_", Process},
	{"meta_", Process},
}

// A document is JSON that a scanner goes through.
type document struct {
	*scanner
	tool   string
	text   string
	at     int
	strict bool // what it says is not of the framework: English words are replaced too
}

// json goes through a JSON text; it reports false where it is none.
func (s *scanner) json(tool, text string, strict bool) bool {
	if !json.Valid([]byte(text)) {
		return false
	}
	d := document{scanner: s, tool: tool, text: text, strict: strict}
	d.space()
	d.value("")
	d.space()
	return true
}

func (d *document) space() {
	begin := d.at
	for d.at < len(d.text) && strings.IndexByte(" \t\r\n,:", d.text[d.at]) >= 0 {
		d.at++
	}
	d.write(d.text[begin:d.at])
}

func (d *document) value(field string) {
	switch c := d.text[d.at]; c {
	case '{', '[':
		d.at++
		d.write(string(c))
		for d.space(); d.text[d.at] != '}' && d.text[d.at] != ']'; d.space() {
			of := field
			if c == '{' {
				of = d.name(field)
				d.space()
			}
			d.value(of)
		}
		d.write(d.text[d.at : d.at+1])
		d.at++
	case '"':
		d.str(field)
	default:
		begin := d.at
		for d.at < len(d.text) && strings.IndexByte(" \t\r\n,]}", d.text[d.at]) < 0 {
			d.at++
		}
		d.write(d.moment(d.text[begin:d.at]))
	}
}

// literal reads the string that begins here.
func (d *document) literal() string {
	begin := d.at
	for d.at++; d.text[d.at] != '"'; d.at++ {
		if d.text[d.at] == '\\' {
			d.at++
		}
	}
	d.at++
	if s := d.text[begin+1 : d.at-1]; strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var s string
	_ = json.Unmarshal([]byte(d.text[begin:d.at]), &s) // the text is valid JSON
	return s
}

// name goes through the name of a field.
func (d *document) name(parent string) string {
	name := d.literal()
	d.quoted(func(s *scanner) {
		if child, ok := strings.CutPrefix(name, "child:"); ok {
			s.write("child:")
			s.scan(child, place{kind: Process, named: true})
			return
		}
		s.scan(name, place{kind: Field})
	})
	if strings.EqualFold(parent, "env") {
		return parent
	}
	return name
}

// str goes through a string that is a value.
func (d *document) str(field string) {
	text := d.literal()
	trimmed := strings.TrimSpace(text)
	d.quoted(func(s *scanner) {
		if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[{") {
			if s.json(d.tool, text, d.strict) {
				return
			}
		}
		s.scan(text, d.place(field, text))
	})
}

// quoted writes what write writes as a JSON string.
func (d *document) quoted(write func(*scanner)) {
	if d.out == nil {
		write(d.scanner)
		return
	}
	inner := *d.scanner
	inner.out = new(strings.Builder)
	write(&inner)
	b, _ := json.Marshal(inner.out.String()) // a string always encodes
	d.write(string(b))
}

// place is what a string of a field is.
func (d *document) place(field, text string) place {
	low := strings.ToLower(field)
	if k, ok := fieldKinds[low]; ok {
		return place{kind: k, named: true}
	}
	if low == "name" || low == "names" {
		for _, n := range nameKinds {
			if strings.HasPrefix(d.tool, n.tool) {
				return place{kind: n.kind, named: true}
			}
		}
		return place{kind: Word, named: true}
	}
	p := place{kind: Word, prose: prose[low] && !d.strict}
	if !p.prose && !enums[low] {
		p.named = d.strict || low == "env" || low == "tags" || low == "commit" || !d.words.framework[field] && !strings.HasPrefix(field, "child:")
	}
	if low == "" || low == "source" || low == "match" {
		p.named = d.strict
	}
	return p
}

// moment is a number; where it is a time in nanoseconds, it is shifted too.
func (d *document) moment(text string) string {
	if d.shift == 0 || len(text) != 19 || text[0] != '1' {
		return text
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1_500_000_000_000_000_000 {
		return text
	}
	return strconv.FormatInt(n+int64(d.shift), 10)
}
