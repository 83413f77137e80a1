package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/system"
)

// requestFor is the request by which the system application of the node's release
// answers one of the 48 tools, "" for none of its own; ok is false where it does not.
func (s *inspection) requestFor(tool string) (request string, ok bool) {
	requests := map[string]string{
		"cluster_nodes": "", "node_info": "InspectNode", "node_env": "InspectNode", "loggers_list": "InspectNode",
		"process_list": "InspectProcessList", "process_info": "InspectProcess", "process_inspect": "InspectProcessState",
		"meta_inspect": "InspectMetaState", "network_info": "InspectNetwork", "network_acceptors": "InspectNetwork",
		"registrar_info": "InspectNetwork", "network_nodes": "InspectNetwork", "network_node_info": "InspectConnection",
		"app_list": "InspectApplicationList", "app_info": "InspectApplicationList",
	}
	if s.plan == system.Plan31 {
		requests["cron_info"] = "InspectNode"
	} else { // supervisors of 3.0 do not answer, and the node logs that as an error
		delete(requests, "process_inspect")
	}
	if s.plan == system.Plan33 {
		requests = map[string]string{
			"cluster_nodes": "", "node_info": "GetNode", "runtime_stats": "GetNode", "node_env": "GetNode", "loggers_list": "GetNode",
			"cron_info": "GetNode", "process_list": "GetProcessRange", "process_children": "GetSubtree", "process_info": "GetProcess",
			"process_state": "GetProcessLookup", "process_lookup": "GetProcessLookup", "process_inspect": "GetProcessState",
			"meta_inspect": "GetMetaState", "app_list": "GetApplicationList", "app_info": "GetApplicationList", "app_processes": "GetAppTree",
			"event_list": "GetEventList", "event_info": "GetEvent", "network_nodes": "GetConnectionList",
			"network_node_info": "GetConnection", "network_info": "GetNetwork", "network_acceptors": "GetNetwork", "registrar_info": "GetNetwork",
			"pprof_goroutines": "GetGoroutines", "pprof_heap": "GetHeapProfile", "message_types": "GetTypes", "capabilities": "GetCapabilities", "types": "GetTypes",
		}
	}
	request, ok = requests[tool]
	return request, ok
}

// withheld is why a tool of the 48 is not answered; nil where it is.
func (s *inspection) withheld(tool string) error {
	r, ok := s.requestFor(tool)
	if !ok {
		return errNotGiven
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r == "":
		return nil
	case s.refused[r] != nil:
		return s.refused[r]
	case !s.knows(system.Name("Request" + r)):
		return errNotGiven
	}
	return nil
}

// offers says which of the 48 tools the system application of a node can
// answer.
func (s *inspection) offers(tool string) ergo.Offer {
	switch {
	case s.withheld(tool) != nil:
		return ergo.Withheld
	case tool == "pprof_goroutines" || tool == "pprof_heap":
		return ergo.Suspicion
	}
	return ergo.Offered
}

// ask33 asks a node of 3.3, which answers at once.
func (s *inspection) ask33(ctx context.Context, call ergo.Call) (answer any, direct []byte, err error) {
	name := call.Args.Text("name")
	var request string
	var value any
	switch call.Tool {
	case "capabilities":
		request, value = "GetCapabilities", system.GetEmpty{}
	case "node_info", "runtime_stats", "node_env", "loggers_list", "cron_info":
		request, value = "GetNode", system.GetEmpty{}
	case "network_info", "network_acceptors", "registrar_info":
		request, value = "GetNetwork", system.GetEmpty{}
	case "network_nodes":
		request, value = "GetConnectionList", system.GetConnectionList{Limit: maxLinks}
	case "network_node_info":
		request, value = "GetConnection", system.GetConnection{RemoteNode: edf.Atom(name)}
	case "process_list":
		request, value = "GetProcessRange", system.GetProcessRange{Limit: maxRows}
	case "app_list", "app_info":
		request, value = "GetApplicationList", system.GetEmpty{}
	case "app_processes":
		request, value = "GetAppTree", system.GetAppTree{Application: edf.Atom(name), Limit: maxRows}
	case "event_list":
		request, value = "GetEventList", system.GetEventList{Limit: maxEvents}
	case "event_info":
		request, value = "GetEvent", system.GetEvent{Name: edf.Atom(name)}
	case "message_types":
		request, value = typesRequest, system.GetTypes{Limit: maxEvents}
	case toolTypes:
		request, value = typesRequest, system.GetTypes{Name: name, Limit: maxEvents}
	case "pprof_goroutines":
		answer, err = s.stop(ctx, "GetGoroutines", system.GetGoroutines{})
		return answer, nil, err
	case "pprof_heap":
		answer, err = s.stop(ctx, "GetHeapProfile", system.GetHeapProfile{Limit: 1000})
		return answer, nil, err
	default:
		return s.askAbout(ctx, call)
	}
	answer, err = s.request(ctx, request, value)
	return answer, nil, err
}

// askAbout asks a node of 3.3 about one process.
func (s *inspection) askAbout(ctx context.Context, call ergo.Call) (answer any, direct []byte, err error) {
	var items []string
	if text, e := json.Marshal(call.Args["items"]); e == nil {
		_ = json.Unmarshal(text, &items) // what is no list of words asks for all
	}
	if call.Tool == "meta_inspect" {
		alias, err := s.aliasOf(call.Args.Text("alias"))
		if err != nil {
			return nil, nil, err
		}
		answer, err = s.request(ctx, "GetMetaState", system.GetMetaState{Meta: alias, Items: items})
		return answer, nil, err
	}
	lookup := system.GetProcessLookup{Name: edf.Atom(call.Args.Text("name"))}
	text := call.Args.Text("pid")
	if call.Tool == "process_children" {
		text = call.Args.Text("parent")
		if !strings.HasPrefix(text, "<") {
			found, err := s.request(ctx, "GetProcessLookup", system.GetProcessLookup{Name: edf.Atom(text)})
			if err != nil {
				return nil, nil, err
			}
			text = string(ergo.PIDOf(s.node, found.(system.LookupAnswer).PID.ID))
		}
	}
	if call.Tool == "process_lookup" && lookup.Name != "" {
		return s.lookup(ctx, call.Tool, lookup)
	}
	pid, err := s.pidOf(text)
	if err != nil {
		return nil, nil, err
	}
	switch call.Tool {
	case "process_info":
		answer, err = s.request(ctx, "GetProcess", system.GetProcess{PID: pid})
	case "process_inspect":
		answer, err = s.request(ctx, "GetProcessState", system.GetProcessState{PID: pid, Items: items})
	case "process_children":
		answer, err = s.request(ctx, "GetSubtree", system.GetSubtree{PID: pid, Limit: maxRows})
	case "process_state", "process_lookup":
		return s.lookup(ctx, call.Tool, system.GetProcessLookup{PID: pid})
	default:
		err = errNotGiven
	}
	return answer, nil, err
}

// lookup answers process_state and process_lookup, which are single words.
func (s *inspection) lookup(ctx context.Context, tool string, value system.GetProcessLookup) (any, []byte, error) {
	v, err := s.request(ctx, "GetProcessLookup", value)
	if err != nil {
		return nil, nil, err
	}
	found, ok := v.(system.LookupAnswer)
	if !ok {
		return nil, nil, fmt.Errorf("%s: answered with %T", tool, v)
	}
	var word []byte
	switch {
	case tool == "process_state":
		word, err = found.State.MarshalText()
	case value.Name != "":
		word, err = found.PID.MarshalText()
	default:
		word = []byte(found.Name)
	}
	return nil, append([]byte{}, word...), err
}

// aliasOf is the alias that a call is about.
func (s *inspection) aliasOf(text string) (system.Alias, error) {
	a := system.Alias{Node: edf.Atom(s.node), Creation: s.creation, ID: ergo.AliasID(text)}
	if a.ID == ([3]uint64{}) {
		return a, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "invalid alias: incorrect Alias format, expected <crc.id0.id1.id2>"}
	}
	return a, nil
}

// sameDiagnosis is how long a dump serves one diagnosis.
const sameDiagnosis = 5 * time.Second

// stop makes a request that stops the node's world, if none has done so within
// the last minute.
func (s *inspection) stop(ctx context.Context, name string, value any) (any, error) {
	now := s.now()
	s.mu.Lock()
	last, before := s.stopped[name]
	dump := s.dump[name]
	if !before || now.Sub(last) >= s.wall(ergo.SuspicionRest) {
		s.stopped[name] = now
	}
	s.mu.Unlock()
	switch {
	case dump.value != nil && now.Sub(dump.at) < s.wall(sameDiagnosis):
		return dump.value, nil
	case before && now.Sub(last) < s.wall(ergo.SuspicionRest):
		return nil, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "it stops the node for a moment, and did so less than a minute ago"}
	}
	v, err := s.request(ctx, name, value)
	if err == nil {
		s.mu.Lock()
		s.dump[name] = heard{v, s.now()}
		s.mu.Unlock()
	}
	return v, err
}

// askOld asks a node of 3.0 to 3.2, which publishes events.
func (s *inspection) askOld(ctx context.Context, call ergo.Call) (any, error) {
	switch call.Tool {
	case "node_info", "node_env", "loggers_list":
		return s.follow(ctx, "InspectNode", "", system.InspectEmpty{})
	case "cron_info":
		if s.plan == system.Plan31 {
			return s.follow(ctx, "InspectNode", "", system.InspectEmpty{})
		}
	case "network_info", "network_acceptors", "registrar_info":
		return s.follow(ctx, "InspectNetwork", "", system.InspectEmpty{})
	case "network_nodes":
		return s.links(ctx)
	case "network_node_info":
		return s.linkTo(ctx, edf.Atom(call.Args.Text("name")))
	case "process_list":
		return s.once(ctx, "InspectProcessList", system.InspectProcessList{Start: firstID, Limit: maxRows})
	case "app_list", "app_info":
		return s.follow(ctx, "InspectApplicationList", "", system.InspectEmpty{})
	case "process_info", "process_inspect":
		pid, err := s.pidOf(call.Args.Text("pid"))
		if err != nil {
			return nil, err
		}
		if call.Tool == "process_info" {
			return s.once(ctx, "InspectProcess", system.InspectByPID{PID: pid})
		}
		if s.plan == system.Plan30 {
			return nil, errNotGiven
		}
		return s.once(ctx, "InspectProcessState", system.InspectByPID{PID: pid})
	case "meta_inspect":
		alias, err := s.aliasOf(call.Args.Text("alias"))
		if err != nil {
			return nil, err
		}
		return s.once(ctx, "InspectMetaState", system.InspectByAlias{Meta: alias})
	}
	return nil, errNotGiven
}

// linkTo is one side of the connection with a peer.
func (s *inspection) linkTo(ctx context.Context, peer edf.Atom) (any, error) {
	return s.follow(ctx, "InspectConnection", string(peer), system.InspectConnection{RemoteNode: peer})
}

// links are the node's sides of all its connections.
func (s *inspection) links(ctx context.Context) (any, error) {
	v, err := s.follow(ctx, "InspectNetwork", "", system.InspectEmpty{})
	if err != nil {
		return nil, err
	}
	network, ok := v.(system.NetworkMessageOld)
	if !ok {
		return nil, fmt.Errorf("network: answered with %T", v)
	}
	all := struct{ Connections []system.LinkOld }{}
	for _, peer := range network.Info.Nodes {
		v, err := s.linkTo(ctx, peer)
		if m, ok := v.(system.ConnectionMessageOld); err == nil && ok && !m.Disconnected {
			all.Connections = append(all.Connections, m.Info)
		} else if err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
	return all, nil
}
