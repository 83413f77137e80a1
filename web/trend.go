package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/views"
	"ergorecorder/escape"
	"ergorecorder/internal/words"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
	"ergorecorder/web/past"
)

// trendView is the metrics that were recorded, and charts of the chosen ones.
type trendView struct {
	Metrics []metricLink // that match the search
	Total   int
	Query   string
	Chosen  []metricLink // drawn, each with the address without it
	Charts  []chart.Chart
	Failed  []string // what could not be drawn
	Nodes   []choice
	Row     string
	Log     bool
	With    string // the end of the second window, "" for none
	Keeps   []param
	CSV     string
	SVG     string
	Quick   []quickLink // second windows
	LogURL  string      // the address with the other scale
}

type metricLink struct{ Name, URL, Note string }

// A trend page shows at most so many metrics at once and points of a curve, and
// lists so many.
const (
	trendsDrawn   = 8
	trendPoints   = 400
	metricsListed = 200
)

func (s *Server) trend(ctx context.Context, p *page) (any, error) {
	v := trendView{
		Query: p.query.Get("q"), Row: p.query.Get("row"), Log: p.query.Get("log") == "1", With: p.query.Get("with"),
		Nodes: choices(p.Nodes(), p.query.Get("node")), Keeps: p.Kept("q", "node", "row", "with"),
		CSV: p.Same("as", "csv"), SVG: p.Same("as", "svg"),
	}
	v.LogURL = p.Same("log", map[bool]string{false: "1"}[v.Log])
	chosen := p.query["metric"]
	if len(chosen) > trendsDrawn {
		p.refuse("metric: at most %d at once", trendsDrawn)
		return v, nil
	}
	with := p.time("with", time.Time{})
	if p.wrong != nil {
		return v, nil
	}
	for _, m := range views.Metrics(p.rec) {
		v.Total++
		if slices.Contains(chosen, m.String()) {
			continue
		}
		if strings.Contains(strings.ToLower(m.String()), strings.ToLower(v.Query)) && len(v.Metrics) < metricsListed {
			v.Metrics = append(v.Metrics, metricLink{m.String(), p.metricURL(append(slices.Clone(chosen), m.String())), note(m)})
		}
	}
	for i, name := range chosen {
		v.Chosen = append(v.Chosen, metricLink{Name: name, URL: p.metricURL(slices.Delete(slices.Clone(chosen), i, i+1))})
		c, err := p.trendOf(ctx, name, with)
		if err != nil {
			v.Failed = append(v.Failed, err.Error())
			continue
		}
		c.Log = v.Log
		v.Charts = append(v.Charts, c)
	}
	for _, back := range []time.Duration{p.To.Sub(p.From), time.Hour, 24 * time.Hour} {
		if end := p.To.Add(-back); end.After(p.Start) {
			v.Quick = append(v.Quick, quickLink{words.Length(back) + " earlier", p.Same("with", chart.InURL(end))})
		}
	}
	return v, nil
}

func note(m views.Metric) string {
	switch {
	case m.Rate && m.Rows:
		return "a second, all rows"
	case m.Rate:
		return "a second"
	case m.Rows:
		return "all rows"
	}
	return ""
}

// metricURL is the address of this view with other metrics.
func (p *page) metricURL(metrics []string) string {
	u := p.Same("metric", "")
	for i, m := range metrics {
		sep := "&"
		if i == 0 && !strings.Contains(u, "?") {
			sep = "?"
		}
		u += sep + "metric=" + url.QueryEscape(m)
	}
	return u
}

// trendOf draws a metric over the page's window: a curve a node, and where a
// second window is asked for, those of the window of the same length that ends
// there, laid over the first.
func (p *page) trendOf(ctx context.Context, name string, with time.Time) (chart.Chart, error) {
	m, known := views.Metric{}, false
	for _, other := range views.Metrics(p.rec) {
		if other.String() == name {
			m, known = other, true
		}
	}
	if !known {
		return chart.Chart{}, fmt.Errorf("metric=%s: it is no metric that was recorded; they are listed below", escape.Line(name))
	}
	c := chart.Chart{Title: name, Unit: unitOfMetric(m), From: p.From, To: p.To, Cursor: p.At}
	if row := p.query.Get("row"); row != "" && m.Rows {
		c.Note = "of " + row
	}
	q := views.TrendQuery{Metric: name, Node: p.query.Get("node"), Row: p.query.Get("row"), From: p.From, To: p.To, Points: trendPoints}
	if !m.Rows {
		q.Row = ""
	}
	if err := add(ctx, p, &c, q, 0, ""); err != nil {
		return c, err
	}
	if !with.IsZero() {
		shift := p.To.Sub(with)
		q.From, q.To = q.From.Add(-shift), q.To.Add(-shift)
		if err := add(ctx, p, &c, q, shift, ", "+words.Length(shift)+" earlier"); err != nil {
			return c, err
		}
	}
	if p.Report != nil {
		c.Marks = onsets(p.Report, nil, p.findingURL)
	}
	for _, g := range p.gaps(ctx) {
		if g.To.After(c.From) && g.From.Before(c.To) && (q.Node == "" && len(p.Nodes()) == 1 || g.Node == q.Node) {
			c.Gaps = append(c.Gaps, chart.Gap{From: g.From, To: g.To, Why: g.Why})
		}
	}
	return c, nil
}

// add adds the curves of a query to a chart, later by shift.
func add(ctx context.Context, p *page, c *chart.Chart, q views.TrendQuery, shift time.Duration, after string) error {
	curves, err := views.Trend(ctx, p.rec, q)
	if err != nil {
		return err
	}
	gaps := p.gaps(ctx)
	for _, v := range curves {
		k := chart.Curve{Name: past.Short(v.Node) + after, URL: p.Link("/processes", "node", v.Node)}
		var before time.Time
		for _, pt := range v.Points {
			if g := gapBetween(gaps, v.Node, before, pt.At); g != nil {
				k.Add(g.From.Add(shift), math.NaN()) // no line across what was not recorded
			}
			k.Add(pt.At.Add(shift), pt.Mean)
			before = pt.At
		}
		if v.Of != "value" {
			c.Note = v.Of
		}
		c.Curves = append(c.Curves, k)
	}
	return nil
}

// gapBetween is a gap of a node between two of its samples, nil where there is
// none or no first sample.
func gapBetween(gaps []replay.Gap, node string, from, to time.Time) *replay.Gap {
	for i, g := range gaps {
		if !from.IsZero() && (g.Node == node || g.Node == "") && g.From.After(from) && g.From.Before(to) && g.To.After(from) {
			return &gaps[i]
		}
	}
	return nil
}

func unitOfMetric(m views.Metric) chart.Unit {
	u := chart.Unit(m.Unit)
	switch {
	case m.Rate && u == "":
		return chart.PerSecond
	case m.Rate:
		return u + "/s"
	}
	return u
}

// raw answers with a form of the trend that is no page: as=csv or as=svg; false
// where a page is asked for.
func (s *Server) raw(w http.ResponseWriter, p *page, body any) bool {
	v, ok := body.(trendView)
	as := p.query.Get("as")
	if !ok || as == "" {
		return false
	}
	var b bytes.Buffer
	kind := ""
	switch as {
	case "csv":
		kind = "text/csv; charset=utf-8"
		b.WriteString(chart.CSV(v.Charts))
	case "svg":
		kind = "image/svg+xml"
		if err := s.pages.ExecuteTemplate(&b, "svg", v.Charts); err != nil {
			s.fail(w, err)
			return true
		}
	default:
		s.fail(w, notFound("as="+as+": there are csv and svg"))
		return true
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="trend.`+as+`"`)
	_, _ = io.WriteString(w, b.String()) // a reader that went away
	return true
}

// lightColours are those of curves on white, for a drawing without a style sheet.
func lightColours() map[string]string {
	return map[string]string{
		"c0": "#1667b7", "c1": "#b04a00", "c2": "#2e7d32", "c3": "#8e24aa", "c4": "#00796b", "c5": "#ad1457", "c6": "#5d6d00", "c7": "#455a64",
	}
}

// gaps are when nodes were not recorded; what cannot be told is left out, and
// the strip says so.
func (p *page) gaps(ctx context.Context) []replay.Gap {
	gaps, err := p.rec.Gaps(ctx)
	if err != nil {
		return nil
	}
	return gaps
}
