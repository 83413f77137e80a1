package web

import (
	"context"
	"strings"

	"ergorecorder/web/past"

	"ergorecorder/analyze/views"
	"ergorecorder/ergo"
)

// searchView is what is called as was asked for, at the moment.
type searchView struct {
	Query string
	Found []searchHit
	More  int
}

type searchHit struct{ What, Name, Note, URL string }

// hitsShown bounds what a search lists.
const hitsShown = 40

// search looks through the names of findings, nodes, processes, events and
// metrics.
func (s *Server) search(ctx context.Context, p *page) (any, error) {
	v := searchView{Query: strings.TrimSpace(p.query.Get("q"))}
	if v.Query == "" {
		return v, nil
	}
	hit := func(what, name, note, url string) {
		if !strings.Contains(strings.ToLower(name+"\n"+note), strings.ToLower(v.Query)) {
			return
		}
		if len(v.Found) == hitsShown {
			v.More++
			return
		}
		v.Found = append(v.Found, searchHit{what, name, note, url})
	}
	if p.Report != nil {
		for _, f := range p.Report.Findings {
			hit("finding", f.Display+" "+f.Title, kindWords(f.Kind), p.findingURL(f))
		}
	}
	for _, n := range p.Nodes() {
		hit("node", n, "", p.Link("/processes", "node", n))
	}
	for _, r := range p.now.Processes(ctx, p.Nodes()...) {
		hit("process", r.Label()+" on "+past.Short(r.Node), r.Behavior+" "+string(r.PID)+" "+r.Application, processURL(p, r.Node, string(r.PID)))
	}
	for _, n := range p.Nodes() {
		var es []past.EventRow
		p.now.Ask(ctx, n, "event_list", past.Everything(), &es)
		for _, e := range es {
			hit("event", ergo.EventName(e.Event)+" on "+past.Short(n), "", p.Link("/events", "node", n, "q", ergo.EventName(e.Event)))
		}
	}
	for _, m := range views.Metrics(p.rec) {
		hit("metric", m.String(), "", p.Link("/trend", "metric", m.String()))
	}
	return v, nil
}
