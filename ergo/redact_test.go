package ergo

import "testing"

func TestRedact(t *testing.T) {
	tests := []struct{ name, tool, in, want string }{
		{"nothing secret", "node_info", `{"Name":"a", "n":1.0}`, `{"Name":"a", "n":1.0}`},
		{"env of a node", "node_env", `{"A": "x", "B": 5, "C": null}`, `{"A": "(not kept)", "B": "(not kept)", "C": "(not kept)"}`},
		{"env of a node, cut off", "node_env", `{"A": "x", "B": "y`, `{"A": "(not kept)", "B": (not kept)`},
		{"env of a node, no JSON", "node_env", "A=x\nB=y", `(not kept)`},
		{"env of a node, twice", "node_env", `{"A":1}{"B":2} 5`, `{"A":"(not kept)"}{"B":"(not kept)"} "(not kept)"`},
		{"env field", "process_info", `{"PID":"<A.0.1>","Env": {"K":{"a":[1,"q\"x"]}},"n":1e5}`, `{"PID":"<A.0.1>","Env": {"K":{"a":["(not kept)","(not kept)"]}},"n":1e5}`},
		{"env field in small letters", "x", `{"env":{"K":"v"}}`, `{"env":{"K":"(not kept)"}}`},
		{"named secrets", "x", `[{"BearerToken" : {"a":1}, "b":2}]`, `[{"BearerToken" : "(not kept)", "b":2}]`},
		{"other names", "x", `{"passwd":"S","api_key":"S","ApiKey":1,"n":1}`, `{"passwd":"(not kept)","api_key":"(not kept)","ApiKey":"(not kept)","n":1}`},
		{"cut off behind a secret", "x", `{"token":"S","x":1`, `{"token":"(not kept)","x":1`},
		{"cut off within a secret", "x", `{"x":1,"token":{"a":"S`, `{"x":1,"token"(not kept)`},
		{"two documents", "x", `{"a":1} {"token":"S"}`, `{"a":1} {"token":"(not kept)"}`},
		{"JSON behind other text", "x", `[info] options: {"a":1,"token":{"b":"S"}} end`, `[info] options: {"a":1,"token":"(not kept)"} end`},
		{"JSON behind a name", "x", `cookie={"b":"S"} end`, `cookie=(not kept) end`},
		{"JSON in a string", "process_inspect", `{"options":"{\"Port\":1,\"Token\":\"s3cret\"}"}`, `{"options":"{\"Port\":1,\"Token\":\"(not kept)\"}"}`},
		{"a JSON string in a string", "x", `{"o":"\"{\\\"token\\\":\\\"S\\\"}\""}`, `{"o":"\"{\\\"token\\\":\\\"(not kept)\\\"}\""}`},
		{"a log line", "sample_read", `{"Message":"login password=S user=bob"}`, `{"Message":"login password=(not kept) user=bob"}`},
		{"a header in a log line", "sample_read", `{"Message":"GET / Authorization: Bearer S.a-b= 200"}`, `{"Message":"GET / Authorization: (not kept) 200"}`},
		{"a bearer in a log line", "sample_read", `{"Message":"sent Bearer S.a-b= to x"}`, `{"Message":"sent Bearer (not kept) to x"}`},
		{"cookies", "x", `Cookie: a=S; b=S`, `Cookie: (not kept)`},
		{"quoted in text", "x", `token = "S \" S" x`, `token = (not kept) x`},
		{"a fragment of JSON", "x", `"token":"S","x":1`, `"token":(not kept),"x":1`},
		{"ordinary words", "sample_read", `{"Message":"token expired, token_cache: restarted at token.go:12"}`, `{"Message":"token expired, token_cache: restarted at token.go:12"}`},
		{"a value that is named so", "process_list", `[{"Name":"token_cache"}]`, `[{"Name":"token_cache"}]`},
		{"no JSON", "network_ping", `token: x`, `token: (not kept)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(Redact(tt.tool, []byte(tt.in), false))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if again := string(Redact(tt.tool, []byte(got), false)); again != got {
				t.Errorf("a second time gives %s", again)
			}
		})
	}
	if got := string(Redact("node_env", []byte(`{"A":"x"}`), true)); got != `{"A":"x"}` {
		t.Errorf("keepEnv: got %s", got)
	}
}

// FuzzRedact: whatever the text is, Redact ends without a panic, and keeps
// text that has nothing secret.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{`{"token":{"a":[`, `[[{"env":{`, `token=[x] {"a":"\"cookie: y"}`, `"secret"`, `{"A":1}5`} {
		f.Add("node_env", s)
		f.Add("x", s)
	}
	f.Fuzz(func(t *testing.T, tool, s string) {
		out := Redact(tool, []byte(s), false)
		if tool != "node_env" && !mayName([]byte(s)) && !mayHoldEnv([]byte(s)) && string(out) != s {
			t.Errorf("%q became %q", s, out)
		}
	})
}
