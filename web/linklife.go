package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/web/past"

	"ergorecorder/ergo"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
)

// pairsDrawn is of how many pairs of nodes the links page draws curves; of more,
// one is chosen.
const pairsDrawn = 4

// linkCharts draw a link over the page's window: what each end sent and the
// other received, for how long each end had been connected, and round trips.
func linkCharts(ctx context.Context, p *page, a, b string) ([]chart.Chart, error) {
	ab, err := linkCurves(ctx, p, a, b)
	if err != nil {
		return nil, err
	}
	ba, err := linkCurves(ctx, p, b, a)
	if err != nil {
		return nil, err
	}
	of := func(title string, u chart.Unit, note string, curves ...chart.Curve) chart.Chart {
		curves = slices.DeleteFunc(curves, func(c chart.Curve) bool { return len(c.At) < 2 })
		return chart.Chart{Title: title, Unit: u, Note: note, From: p.From, To: p.To, Cursor: p.At, Curves: curves}
	}
	pair := past.Short(a) + " and " + past.Short(b)
	charts := []chart.Chart{
		of("Messages, "+pair, chart.PerSecond, "what is sent and never received is lost",
			named(past.Short(a)+" sent", ab.out.Rate()), named(past.Short(b)+" received", ba.in.Rate()), named(past.Short(b)+" sent", ba.out.Rate()), named(past.Short(a)+" received", ab.in.Rate())),
		of("Connected for, "+pair, chart.Seconds, "a fall is a connection that was made anew", named(past.Short(a), ab.up), named(past.Short(b), ba.up)),
		of("Round trip, "+pair, chart.Nanoseconds, "", named(past.Short(a)+" to "+past.Short(b), pings(ctx, p.rec, a, b, p.From, p.To)), named(past.Short(b)+" to "+past.Short(a), pings(ctx, p.rec, b, a, p.From, p.To))),
	}
	return slices.DeleteFunc(charts, func(c chart.Chart) bool { return len(c.Curves) == 0 }), nil
}

func named(name string, c chart.Curve) chart.Curve {
	c.Name = name
	return c
}

// linkEnd is what one end of a link said over time.
type linkEnd struct{ out, in, up chart.Curve }

func linkCurves(ctx context.Context, p *page, node, peer string) (linkEnd, error) {
	q := replay.Query{Node: node, Reading: ergo.Links, From: p.From, To: p.To, Fields: []string{"MessagesOut", "MessagesIn", "ConnectionUptime"}}
	rows, err := past.RowCurves(ctx, p.rec, q, "Node", past.RowMatch{Column: "Node", Equals: func(name string) bool { return name == peer }}, 1)
	if err != nil {
		return linkEnd{}, fmt.Errorf("link of %s to %s: %w", node, peer, err)
	}
	cs := rows[peer]
	if len(cs) < 3 {
		return linkEnd{}, nil
	}
	return linkEnd{cs[0], cs[1], cs[2]}, nil
}

// pings are the round trips from a node to a peer, as far as they were recorded;
// what cannot be read is left out.
func pings(ctx context.Context, rec *replay.Recording, node, peer string, from, to time.Time) (c chart.Curve) {
	for smp, err := range replay.Readable(rec.Texts(ctx, node, ergo.Ping, from, to), nil) {
		if err != nil {
			return c
		}
		if text := string(smp.Text); strings.Contains(text, peer) {
			_, rtt, ok := strings.Cut(text, "rtt ")
			d, err := time.ParseDuration(strings.Trim(strings.TrimSpace(rtt), "()."))
			if ok && err == nil {
				c.Add(smp.At, float64(d))
			}
		}
	}
	return c
}
