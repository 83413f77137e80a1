package system

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestFill: JSON with Go's field names becomes the message of 3.3, and the other
// way round; what it does not have, or has as another type, is listed, and left out
// again by who reads the message.
func TestFill(t *testing.T) {
	text := []byte(`{"Node":"a@h","Info":{"PID":"a@h:1001.7","State":"wait response","MessagesIn":18446744073709551615,
		"Compression":{"Enable":true,"Type":"gzip","Level":"best speed","Threshold":1024},"Env":{"k":"v"},"Parent":"","LogLevel":"info"}}`)
	m, missing, err := Plan33.Fill("ResponseGetProcess", text)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := m.Value.(ProcessAnswer)
	p := got.Info
	if !ok || p.PID != (PID{"a@h", 1001, 7}) || p.State != 8 || p.MessagesIn != 1<<64-1 || p.Compression.Threshold != 1024 || p.LogLevel != 1 {
		t.Errorf("%+v", m)
	}
	for _, path := range []string{"Info.Compression.Level", "Info.MessagesOut", "Info.MailboxQueues"} {
		if !slices.Contains(missing, path) {
			t.Errorf("%s is not listed in %v", path, missing)
		}
	}
	again, err := json.Marshal(got)
	if err == nil {
		again, err = Without(again, missing)
	}
	var fields struct{ Info map[string]json.RawMessage }
	if err != nil || json.Unmarshal(again, &fields) != nil {
		t.Fatal(err)
	}
	if fields.Info["MessagesOut"] != nil || string(fields.Info["State"]) != `"wait response"` || string(fields.Info["MessagesIn"]) != "18446744073709551615" ||
		string(fields.Info["Compression"]) != `{"Enable":true,"Threshold":1024,"Type":"gzip"}` {
		t.Errorf("%s", again)
	}
	for _, bad := range []string{`{"Node":1}`, `[]`, `{`, `{"Info":{"PID":"nonsense"}}`} {
		if _, missing, err := Plan33.Fill("ResponseGetProcess", []byte(bad)); err == nil && !slices.Contains(missing, "Node") {
			t.Errorf("%s is taken", bad)
		}
	}
	if _, _, err := Plan31.Fill("ResponseGetProcess", text); err == nil {
		t.Error("a message of another release is filled")
	}
	apps := []byte(`{"Node":"a@h","Applications":{"x":{"Name":"x","State":"running","Mode":"permanent","Group":["",""]}}}`)
	m, missing, err = Plan33.Fill("ResponseGetApplicationList", apps)
	if a, _ := m.Value.(ApplicationsAnswer); err != nil || len(a.Applications["x"].Group) != 2 || !slices.Contains(missing, "Applications.*.Weight") {
		t.Errorf("%+v %v %v", m, missing, err)
	}
}
