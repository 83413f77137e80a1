package host

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// tool answers a call of one of the 48 tools.
func (s *session) tool(m frame.Message, r message.ToolCallRequest) {
	var out message.ToolCallResponse
	args, err := ergo.ParseArgs([]byte(r.Params))
	var answer ergo.Answer
	if err == nil {
		answer, err = s.n.Tools.Call(s.ctx, ergo.Call{Node: s.n.Name, Tool: r.Tool, Args: args})
	}
	if s.ctx.Err() != nil {
		return
	}
	if err != nil {
		out.Error = err.Error()
	} else {
		out.Result = resultText(answer)
	}
	s.answer(m, edf.Named{Type: message.ToolCallResponseType, Value: out}, besides(answer))
}

// resultText is the JSON of a tool's result object.
func resultText(a ergo.Answer) string {
	type item struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	result := struct {
		Content []item `json:"content"`
		IsError bool   `json:"isError,omitempty"`
	}{Content: []item{}, IsError: a.IsError}
	if a.Text != nil {
		result.Content = append(result.Content, item{"text", string(a.Text)})
	}
	b, err := json.Marshal(result)
	if err != nil {
		return ""
	}
	return string(b)
}

// system answers a request of the system application.
func (s *session) system(m frame.Message, v edf.Named) {
	name, ok := strings.CutPrefix(v.Type, system.Name("Request"))
	switch {
	case !ok:
		s.answer(m, edf.Error(ErrNotSupported.Error()), beside{})
	case name == "InspectLog" && s.n.Log != nil:
		s.beginLog(m, v)
	case name == "GetTypes":
		s.describe(m, v)
	case s.n.System == nil:
		s.answer(m, edf.Error(ErrNotSupported.Error()), beside{})
	default:
		s.get(m, name, v)
	}
}

// get answers a request by the node's System.
func (s *session) get(m frame.Message, name string, v edf.Named) {
	text, err := json.Marshal(v.Value)
	var args ergo.Args
	if err == nil {
		args, err = ergo.ParseArgs(text)
	}
	var answer ergo.Answer
	if err == nil {
		answer, err = s.n.System.Call(s.ctx, ergo.Call{Node: s.n.Name, Tool: name, Args: args})
	}
	if s.ctx.Err() != nil {
		return
	}
	b := besides(answer)
	var value edf.Named
	if err == nil {
		value, b.missing, err = system.Plan33.Fill("Response"+name, answer.Text)
	}
	if err == nil {
		s.answer(m, value, b)
		return
	}
	if failed, ok := system.Plan33.Failed("Response"+name, err); ok && !errors.Is(err, ErrNotSupported) {
		s.answer(m, failed, b)
		return
	}
	s.answer(m, edf.Error(err.Error()), b)
}

// mostTypes is how many types are described unless the request says.
const mostTypes = 50

// describe answers with what the messages of the system application are made of.
func (s *session) describe(m frame.Message, v edf.Named) {
	asked, _ := v.Value.(system.GetTypes)
	limit := asked.Limit
	if limit < 1 {
		limit = mostTypes
	}
	list := slices.DeleteFunc(system.Plan33.Describe(), func(d system.Described) bool {
		return !strings.Contains(strings.ToLower(d.Name), strings.ToLower(asked.Name)) ||
			!strings.Contains(strings.ToLower(d.Kind), strings.ToLower(asked.Kind))
	})
	out := system.TypesAnswer{Types: list[:min(limit, len(list))], Truncated: max(len(list)-limit, 0)}
	s.answer(m, edf.Named{Type: system.Name("ResponseGetTypes"), Value: out}, beside{})
}
