package merge

import (
	"context"
	"fmt"
	"strings"

	"ergorecorder/recorder/identity"
)

// A Plan is what was found out about recordings before they are merged.
type Plan struct {
	Inputs   []Input
	Clocks   []Clock
	Clusters [][]int // inputs that are of one cluster, by their places
	why      string
}

// Look finds out of which clusters the inputs are, and by how much their clocks
// differ.
func Look(ctx context.Context, inputs []Input) (*Plan, error) {
	p := &Plan{Inputs: inputs}
	var of []*identity.Cluster
	var all []map[string]skew
	for _, in := range inputs {
		c, err := identity.Of(in.Reader)
		if err != nil {
			return nil, fmt.Errorf("find the cluster of %s: %w", in.Name, err)
		}
		s, err := skews(ctx, in.Reader)
		if err != nil {
			return nil, fmt.Errorf("find the clock of %s: %w", in.Name, err)
		}
		of, all = append(of, c), append(all, s)
	}
	p.cluster(of)
	p.Clocks = reconcile(all)
	return p, nil
}

// cluster puts the inputs together that are of one cluster.
func (p *Plan) cluster(of []*identity.Cluster) {
	group := make([]int, len(of))
	for i := range of {
		group[i] = i
		for j := range i {
			why := of[i].Apart(of[j])
			switch {
			case why == "":
				join(group[:i+1], group[i], group[j])
			case p.why == "":
				p.why = fmt.Sprintf("%s and %s: %s", p.Inputs[j].Name, p.Inputs[i].Name, why)
			}
		}
	}
	place := map[int]int{}
	for i, g := range group {
		at, known := place[g]
		if !known {
			at = len(p.Clusters)
			place[g] = at
			p.Clusters = append(p.Clusters, nil)
		}
		p.Clusters[at] = append(p.Clusters[at], i)
	}
}

func join(group []int, from, to int) {
	for i := range group {
		if group[i] == from {
			group[i] = to
		}
	}
}

// Apart says why the inputs are not of one cluster; "" where they are.
func (p *Plan) Apart() string {
	if len(p.Clusters) < 2 {
		return ""
	}
	return p.why
}

// Of is the plan of some of the inputs.
func (p *Plan) Of(inputs []int) *Plan {
	q := &Plan{Clusters: [][]int{nil}}
	for i, in := range inputs {
		q.Inputs, q.Clocks = append(q.Inputs, p.Inputs[in]), append(q.Clocks, p.Clocks[in])
		q.Clusters[0] = append(q.Clusters[0], i)
	}
	return q
}

// An ApartError says that recordings are of several clusters.
type ApartError struct {
	Why      string
	Clusters [][]int
}

// Error implements error.
func (e *ApartError) Error() string {
	return fmt.Sprintf("the recordings are of %d clusters: %s", len(e.Clusters), strings.TrimSpace(e.Why))
}

// Name is what the cluster may be called: its first node.
func (p *Plan) Name() string {
	first := ""
	for _, in := range p.Inputs {
		for _, s := range in.Reader.Streams() {
			if s.Node != "" && (first == "" || s.Node < first) {
				first = s.Node
			}
		}
	}
	return first
}
