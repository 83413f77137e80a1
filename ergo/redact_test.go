package ergo

import "testing"

func TestRedact(t *testing.T) {
	tests := []struct{ name, tool, in, want string }{
		{"nothing secret", "node_info", `{"Name":"a", "n":1.0}`, `{"Name":"a", "n":1.0}`},
		{"env of a node", "node_env", `{"A": "x", "B": 5, "C": null}`, `{"A": "(not kept)", "B": "(not kept)", "C": "(not kept)"}`},
		{"env field", "process_info", `{"PID":"<A.0.1>","Env": {"K":{"a":[1,"q\"x"]}},"n":1e5}`, `{"PID":"<A.0.1>","Env": {"K":{"a":["(not kept)","(not kept)"]}},"n":1e5}`},
		{"named secrets", "x", `[{"BearerToken" : {"a":1}, "b":2}]`, `[{"BearerToken" : "(not kept)", "b":2}]`},
		{"JSON in a string", "process_inspect", `{"options":"{\"Port\":1,\"Token\":\"s3cret\"}"}`, `{"options":"{\"Port\":1,\"Token\":\"(not kept)\"}"}`},
		{"a value that is named so", "process_list", `[{"Name":"token_cache"}]`, `[{"Name":"token_cache"}]`},
		{"no JSON", "network_ping", `token: x`, `token: x`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(Redact(tt.tool, []byte(tt.in), false)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	if got := string(Redact("node_env", []byte(`{"A":"x"}`), true)); got != `{"A":"x"}` {
		t.Errorf("keepEnv: got %s", got)
	}
}
