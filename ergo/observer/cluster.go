package observer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"ergorecorder/ergo"
)

// A Map is the cluster as an Observer sees it: the resource ergo://cluster.
type Map struct {
	Nodes []struct {
		Info struct {
			Name         string
			Creation     int64
			Framework    struct{ Name, Release string }
			Applications []string
		}
		Age    int64 // ms since the node told
		Status string
		Reason string
	}
	Offline []struct {
		Node     string
		Status   string
		Reason   string
		Since    int64
		LastSeen int64
	}
	Complete bool
	Note     string
}

// homeApplication runs where the Observer does.
const homeApplication = "observer_app"

// ReadCluster reads the map of the cluster.
func (c *Client) ReadCluster(ctx context.Context) (*Map, *Result, error) {
	r, err := c.Read(ctx, "ergo://cluster")
	if err != nil {
		return nil, r, err
	}
	var m Map
	if err := json.Unmarshal(r.Text, &m); err != nil {
		return nil, r, c.misspoken(fmt.Errorf("ergo://cluster: %w", err))
	}
	return &m, r, nil
}

// A clusterRow is a row of cluster_nodes, with what the map says beyond it.
type clusterRow struct {
	Name     string `json:"name"`
	Status   string `json:"status"`
	Creation int64  `json:"creation,omitempty"`
	Age      int64  `json:"age_ms,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// cluster answers cluster_nodes by the map, and takes note of the lives of all
// nodes.
func (c *Caller) cluster(ctx context.Context) (ergo.Answer, error) {
	m, r, err := c.client.ReadCluster(ctx)
	answer := answerOf(r)
	if err != nil {
		return answer, err
	}
	homes := 0
	for _, n := range m.Nodes {
		if slices.Contains(n.Info.Applications, homeApplication) {
			homes++
		}
	}
	var rows []clusterRow
	c.mu.Lock()
	c.nodes = nil
	for _, n := range m.Nodes {
		row := clusterRow{Name: n.Info.Name, Status: "connected", Creation: n.Info.Creation, Age: n.Age, Reason: n.Reason}
		if n.Status != "reachable" {
			row.Status = n.Status
		} else {
			c.nodes = append(c.nodes, n.Info.Name)
		}
		if homes == 1 && slices.Contains(n.Info.Applications, homeApplication) {
			c.home, row.Status = n.Info.Name, "self"
		}
		if n.Info.Creation != 0 {
			c.creations[n.Info.Name] = n.Info.Creation
		}
		rows = append(rows, row)
	}
	for _, n := range m.Offline {
		rows = append(rows, clusterRow{Name: n.Node, Status: n.Status, Reason: n.Reason})
	}
	c.mu.Unlock()
	slices.SortFunc(rows, func(a, b clusterRow) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	answer.Text, err = json.Marshal(rows)
	if rows == nil {
		answer.Text = []byte("null")
	}
	return answer, err
}

// Capabilities are what a node says it can be asked for.
type Capabilities struct {
	Node         string
	Creation     int64
	Framework    struct{ Name, Release string }
	Manage       bool
	Capabilities []string
	Build        []string // the tags it was built with
}

// ReadCapabilities asks a node what it can be asked for.
func (c *Client) ReadCapabilities(ctx context.Context, node string) (*Capabilities, error) {
	r, err := c.Tool(ctx, "capabilities", ergo.Args{"node": node})
	if err != nil {
		return nil, err
	}
	var caps Capabilities
	if err := json.Unmarshal(r.Text, &caps); err != nil {
		return nil, c.misspoken(fmt.Errorf("capabilities: %w", err))
	}
	return &caps, nil
}
