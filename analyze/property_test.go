package analyze_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/internal/pace"
	"ergorecorder/internal/sim"
)

// A disturbance changes how a cluster is recorded, and not what happens on it.
type disturbance struct {
	name  string
	prime func(*sim.Cluster)
	edit  func(*sim.Cluster, []*archive.Record) []*archive.Record
	loose time.Duration // how much farther off an onset may be
}

func disturbances() []disturbance {
	keep := func(ok func(c *sim.Cluster, r *archive.Record) bool) func(*sim.Cluster, []*archive.Record) []*archive.Record {
		return func(c *sim.Cluster, recs []*archive.Record) []*archive.Record {
			return slices.DeleteFunc(recs, func(r *archive.Record) bool { return !ok(c, r) })
		}
	}
	return []disturbance{
		{name: "another seed", prime: func(c *sim.Cluster) { c.Seed = 77 }},
		{name: "a year later", prime: func(c *sim.Cluster) { c.From = c.From.AddDate(1, 0, 0) }},
		{name: "a third of the samples", prime: func(c *sim.Cluster) { c.Interval = 6 * time.Second }, loose: 6 * time.Second},
		{name: "twice the samples", prime: func(c *sim.Cluster) { c.Interval = time.Second }},
		{name: "nodes up for long", prime: func(c *sim.Cluster) {
			for _, n := range c.Nodes {
				n.Up = time.Hour
			}
		}},
		{name: "a fifth of the answers lost", edit: func(c *sim.Cluster, recs []*archive.Record) []*archive.Record {
			rng := rand.New(rand.NewPCG(c.Seed, 11))
			return slices.DeleteFunc(recs, func(r *archive.Record) bool { return r.Stream.Name != "sample_read" && rng.IntN(5) == 0 })
		}, loose: 4 * time.Second},
		{name: "a gap of 15 s", edit: keep(func(c *sim.Cluster, r *archive.Record) bool {
			return r.At.Before(c.At(110*time.Second)) || r.At.After(c.At(125*time.Second))
		})},
		{name: "nothing inspected", edit: keep(func(_ *sim.Cluster, r *archive.Record) bool { return r.Stream.Name != "process_inspect" })},
		{name: "no log", edit: keep(func(_ *sim.Cluster, r *archive.Record) bool { return r.Stream.Name != "sample_read" }), loose: 4 * time.Second},
	}
}

// however lists the scenarios whose verdict does depend on what a disturbance
// takes away, and why.
func however(scenario, disturbance string) (why string) {
	switch disturbance {
	case "nothing inspected":
		if scenario == "a pool overflows" {
			return "only an inspection counts what a pool drops"
		}
	case "no log":
		if scenario == "a supervisor gives up" {
			return "without its log, a supervisor that is gone may have been stopped"
		}
	case "a third of the samples", "a fifth of the answers lost":
		if scenario == "calls that time out" {
			return "a wait of 5 s is hardly ever seen twice"
		}
	}
	return ""
}

// A verdict does not depend on when and how often was sampled, on answers that
// were lost, on a gap, nor on chance.
func TestDisturbances(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every scenario nine times")
	}
	each := pace.Every(3, 9) // of each disturbance every third scenario, and each scenario with every third
	for i, d := range disturbances() {
		t.Run(d.name, func(t *testing.T) {
			for k, sc := range scenarios() {
				if (i+k)%each != 0 {
					continue
				}
				t.Run(sc.name, func(t *testing.T) {
					if why := however(sc.name, d.name); why != "" {
						t.Skip(why)
					}
					t.Parallel()
					c := sim.New(1, 7)
					if d.prime != nil {
						d.prime(c)
					}
					sc.make(c)
					recs := c.Records()
					if d.edit != nil {
						recs = d.edit(c, recs)
					}
					sc.loose = max(sc.loose, 4*time.Second) + d.loose
					check(t, sc, c, judgeRecords(t, recs))
				})
			}
		})
	}
}
