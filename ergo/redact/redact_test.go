package redact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAnswer(t *testing.T) {
	tests := []struct{ name, tool, in, want string }{
		{"nothing secret", "node_info", `{"Name":"a", "n":1.0}`, `{"Name":"a", "n":1.0}`},
		{"env of a node", "node_env", `{"A": "x", "B": 5, "C": null}`, `{"A": "(not kept)", "B": "(not kept)", "C": "(not kept)"}`},
		{"env of a node, cut off", "node_env", `{"A": "x", "B": "y`, `{"A": "(not kept)", "B": (not kept)`},
		{"env of a node, no JSON", "node_env", "A=x\nB=y", `(not kept)`},
		{"env of a node, twice", "node_env", `{"A":1}{"B":2} 5`, `{"A":"(not kept)"}{"B":"(not kept)"} "(not kept)"`},
		{"env field", "process_info", `{"PID":"<A.0.1>","Env": {"K":{"a":[1,"q\"x"]}},"n":1e5}`, `{"PID":"<A.0.1>","Env": {"K":{"a":["(not kept)","(not kept)"]}},"n":1e5}`},
		{"env field in small letters", "x", `{"env":{"K":"v"}}`, `{"env":{"K":"(not kept)"}}`},
		{"an empty env", "x", `{"Env": {}, "env":null}`, `{"Env": {}, "env":null}`},
		{"env in JSON that breaks", "x", `{"Env":{"K":"v"} oops}`, `{"Env":(not kept) oops}`},
		{"env in a string", "x", `{"o":"{\"Env\":{\"K\":\"v\"}}"}`, `{"o":"{\"Env\":{\"K\":\"(not kept)\"}}"}`},
		{"named secrets", "x", `[{"BearerToken" : {"a":"S"}, "b":2}]`, `[{"BearerToken" : "(not kept)", "b":2}]`},
		{"other names", "x", `{"passwd":"S","api_key":"S","ApiKey":"S","n":1}`, `{"passwd":"(not kept)","api_key":"(not kept)","ApiKey":"(not kept)","n":1}`},
		{"numbers and truth values", "x", `{"UseCustomCookie": false,"cookies":3,"Token":null,"secrets":[],"tokens":[1,2.5e3],"Cookie":""}`, `{"UseCustomCookie": false,"cookies":3,"Token":null,"secrets":[],"tokens":[1,2.5e3],"Cookie":""}`},
		{"digits in a string", "x", `{"pin":"1234","password":"123456","token":"12"}`, `{"pin":"(not kept)","password":"(not kept)","token":"(not kept)"}`},
		{"about a secret", "x", `{"token_ttl":"x","CookieName":"sid","PasswordFile":"/etc/p","tokenId":"seven"}`, `{"token_ttl":"x","CookieName":"sid","PasswordFile":"/etc/p","tokenId":"seven"}`},
		{"a secret behind its name", "x", `{"password_of_bob":"S","token2":"S","PASSWORD_OLD":"S"}`, `{"password_of_bob":"(not kept)","token2":"(not kept)","PASSWORD_OLD":"(not kept)"}`},
		{"cut off behind a secret", "x", `{"token":"S","x":1`, `{"token":"(not kept)","x":1`},
		{"cut off within a secret", "x", `{"x":1,"token":{"a":"S`, `{"x":1,"token":"(not kept)"`},
		{"cut off within a log line", "x", `{"m":"password=S x`, `{"m":"password=(not kept) x`},
		{"two documents", "x", `{"a":1} {"token":"S"}`, `{"a":1} {"token":"(not kept)"}`},
		{"JSON behind other text", "x", `[info] options: {"a":1,"token":{"b":"S"}} end`, `[info] options: {"a":1,"token":"(not kept)"} end`},
		{"JSON behind a name", "x", `cookie={"b":"S"} end`, `cookie=(not kept) end`},
		{"JSON in a string", "process_inspect", `{"options":"{\"Port\":1,\"Token\":\"s3cret\"}"}`, `{"options":"{\"Port\":1,\"Token\":\"(not kept)\"}"}`},
		{"a JSON string in a string", "x", `{"o":"\"{\\\"token\\\":\\\"S\\\"}\""}`, `{"o":"\"{\\\"token\\\":\\\"(not kept)\\\"}\""}`},
		{"a log line", "sample_read", `{"Message":"login password=S user=bob"}`, `{"Message":"login password=(not kept) user=bob"}`},
		{"a header in a log line", "sample_read", `{"Message":"GET / Authorization: Bearer S.a-b= 200"}`, `{"Message":"GET / Authorization: Bearer (not kept) 200"}`},
		{"a bearer in a log line", "sample_read", `{"Message":"sent Bearer S.a-b= to x"}`, `{"Message":"sent Bearer (not kept) to x"}`},
		{"cookies", "x", `Cookie: a=S; b=S`, `Cookie: (not kept)`},
		{"cookies in a log line", "x", `{"m":"Cookie: a=S; b=S","x":"y"}`, `{"m":"Cookie: (not kept)","x":"y"}`},
		{"quoted in text", "x", `token = "S \" S" x`, `token = (not kept) x`},
		{"a fragment of JSON", "x", `"token":"S","x":1`, `"token":(not kept),"x":1`},
		{"an escaped fragment", "x", `{\"token\":\"S S\",\"x\":1`, `{\"token\":(not kept),\"x\":1`},
		{"ordinary words", "sample_read", `{"Message":"token expired, token_cache: restarted at token.go:12, tokens=12 bypass: x compass: y cookie_ttl=5m0s"}`, `{"Message":"token expired, token_cache: restarted at token.go:12, tokens=12 bypass: x compass: y cookie_ttl=5m0s"}`},
		{"ordinary keys", "x", `{"key":"orders.eth-2024","session":"worker_17","auth":"basic","signature":"func(int) string"}`, `{"key":"orders.eth-2024","session":"worker_17","auth":"basic","signature":"func(int) string"}`},
		{"a value that is named so", "process_list", `[{"Name":"token_cache"},{"Name":"token","Value":1}]`, `[{"Name":"token_cache"},{"Name":"token","Value":1}]`},
		{"no JSON", "network_ping", `token: x`, `token: (not kept)`},
		{"addresses and nodes", "x", `http://localhost:8080/users/bob@example.com https://alpha@localhost/x a@b`, `http://localhost:8080/users/bob@example.com https://alpha@localhost/x a@b`},
		{"a URL", "x", `redis://:S@h/1, https://u:pa/ss@h/x amqp://u:S@h?x=1`, `redis://:(not kept)@h/1, https://u:(not kept)@h/x amqp://u:(not kept)@h?x=1`},
		{"a connection string", "x", `Server=db;Password=S;Database=x`, `Server=db;Password=(not kept)`},
		{"a key without its end", "x", "a -----BEGIN PRIVATE KEY-----\nMIIE\nxyz", "a -----BEGIN PRIVATE KEY-----(not kept)"},
		{"a certificate", "x", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"},
		{"shapes", "x", `{"a":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc AKIAIOSFODNN7EXAMPLE"}`, `{"a":"(not kept) (not kept)"}`},
		{"a stack with an environment", "x", "goroutine 1 [running]:\nmain.run({env=[HOME=/root DB_PASSWORD=S PATH=/bin]})\n\t/src/main.go:12", "goroutine 1 [running]:\nmain.run({env=[HOME=/root DB_PASSWORD=(not kept) PATH=/bin]})\n\t/src/main.go:12"},
		{"letters in disguise", "x", `{"p\u0061ss\u0077ord":"S","a":"\u003cA.0.1\u003e"}`, `{"p\u0061ss\u0077ord":"(not kept)","a":"\u003cA.0.1\u003e"}`},
		{"disguised in a string", "x", `{"o":"{\"p\\u0061ssword\":\"S\"}"}`, `{"o":"{\"password\":\"(not kept)\"}"}`},
		{"two fields, the value first", "x", `{"Value":"S","Name":"DB_PASSWORD"}`, `{"Value":"(not kept)","Name":"DB_PASSWORD"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := string(Answer(tt.tool, []byte(tt.in), Keep{}))
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if again := string(Answer(tt.tool, []byte(got), Keep{})); again != got {
				t.Errorf("a second time gives %s", again)
			}
			if kept := string(Answer(tt.tool, []byte(tt.in), Keep{Secrets: true})); kept != tt.in {
				t.Errorf("asked to keep secrets, it gives %s", kept)
			}
		})
	}
	if got := string(Answer("node_env", []byte(`{"A":"x"}`), Keep{Env: true})); got != `{"A":"x"}` {
		t.Errorf("keepEnv: got %s", got)
	}
}

// battery is the forms in which a secret may be written.
var battery = []struct{ name, form string }{
	{"env_json", `{"Env":{"DB_PASSWORD":"%s"}}`},
	{"env_eq", `DB_PASSWORD=%s`},
	{"url_userinfo", `connect postgres://app:%s@db:5432/x failed`},
	{"basic", `Authorization: Basic %s`},
	{"bearer", `Authorization: Bearer %s`},
	{"bearer_lower", `authorization: bearer %s`},
	{"cookie_hdr", `Cookie: session=%s; a=b`},
	{"setcookie", `Set-Cookie: sid=%s; Path=/`},
	{"aws_secret", `aws_secret_access_key=%s`},
	{"aws_json", `{"SecretAccessKey":"%s"}`},
	{"private_key_json", `{"private_key":"%s"}`},
	{"privatekey_pem", "-----BEGIN RSA PRIVATE KEY-----\n%s\n-----END RSA PRIVATE KEY-----"},
	{"pwd", `pwd=%s`},
	{"pass", `pass: %s`},
	{"credential", `credential=%s`},
	{"apikey_x", `X-Api-Key: %s`},
	{"access_key", `access_key=%s`},
	{"client_secret", `client_secret=%s`},
	{"jwt", `got jwt %s for user`},
	{"key_field", `{"key":"%s"}`},
	{"passphrase", `passphrase=%s`},
	{"flag_space", `started with --password %s --x`},
	{"flag_eq", `started with --password=%s`},
	{"url_query", `GET /cb?access_token=%s&x=1`},
	{"url_query_key", `GET /v1?api_key=%s`},
	{"go_struct", `config {User:app Password:%s Host:db}`},
	{"go_struct_q", `&Config{Password:"%s"}`},
	{"yaml", `password: %s`},
	{"quoted", `password="%s with space"`},
	{"mapfmt", `map[password:%s user:x]`},
	{"escaped", `{\"password\":\"%s\"}`},
	{"unicodekey", `{"pass\u0077ord":"%s"}`},
	{"two_fields", `{"name":"password","value":"%s"}`},
	{"dsn", `app:%s@tcp(db:3306)/x`},
	{"sessionid", `session_id=%s`},
	{"otp", `otp=%s`},
	{"pin", `pin=%s`},
	{"auth_field", `{"auth":"%s"}`},
	{"signature", `signature=%s`},
	{"ssh", `id_rsa: %s`},
	{"passwd_arr", `{"passwords":["%s"]}`},
	{"nested", `{"token":{"v":"%s"}}`},
	{"token_num", `{"token":"%s"}`},
	{"de", `Kennwort=%s`},
}

// TestBattery: a secret is left out in each of the forms, as text, as a log
// line of an answer, as JSON in JSON in JSON, behind other text, in the middle
// of lines, and where the text is cut off behind it.
func TestBattery(t *testing.T) {
	for i, b := range battery {
		secret := fmt.Sprintf("S3CR3T%03dzz", i)
		plain := strings.ReplaceAll(b.form, "%s", secret)
		line := `{"entries":[{"sequence":1,"message":` + quoted(plain) + `,"level":"info"}]}`
		for how, in := range map[string]string{
			"plain":          plain,
			"a line":         line,
			"nested":         `{"o":` + quoted(line) + `}`,
			"behind text":    "[info] it says: " + plain,
			"between lines":  "first line\n" + plain + "\nlast line",
			"cut off":        line[:strings.Index(line, secret)+len(secret)],
			"nested cut off": (`{"o":` + quoted(line))[:strings.Index(`{"o":`+quoted(line), secret)+len(secret)],
		} {
			if b.name == "dsn" && strings.HasSuffix(how, "cut off") {
				continue // what says that it is a secret comes after it
			}
			got := string(Answer("sample_read", []byte(in), Keep{}))
			if strings.Contains(got, secret) {
				t.Errorf("%s, %s: %s became %s", b.name, how, in, got)
			}
			if again := string(Answer("sample_read", []byte(got), Keep{})); again != got {
				t.Errorf("%s, %s: %s becomes %s a second time", b.name, how, got, again)
			}
		}
		if got := Text(plain); strings.Contains(got, secret) {
			t.Errorf("%s as text: %s became %s", b.name, plain, got)
		}
	}
}

// FuzzAnswer: whatever the text is, Answer ends without a panic, and keeps
// text that has nothing secret.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"token":{"a":[`, `[[{"env":{`, `token=[x] {"a":"\"cookie: y"}`, `"secret"`, `{"A":1}5`, `{"p\u0061ss":"S`, `a://b:c@d x:y@tcp(z) -----BEGIN PRIVATE KEY-----`, `{"name":"token","value":["a`} {
		f.Add("node_env", s)
		f.Add("x", s)
	}
	for _, b := range battery {
		f.Add("x", b.form)
	}
	f.Fuzz(func(t *testing.T, tool, s string) {
		out := Answer(tool, []byte(s), Keep{})
		if tool != "node_env" && triggerIndex.holds([]byte(s)) == 0 && string(out) != s {
			t.Errorf("%q became %q", s, out)
		}
	})
}

// TestEveryNameTriggers: no name of a secret is passed over by the search for
// texts that may hold one, however it is spelt, as a field and in JSON within
// strings.
func TestEveryNameTriggers(t *testing.T) {
	const planted = "s3cret-of-nobody"
	for _, word := range slices.Concat(secretEnds, secretWords) {
		for _, name := range []string{word, strings.ToUpper(word), capital(word)} {
			field, err := json.Marshal(map[string]string{name: planted})
			if err != nil {
				t.Fatal(err)
			}
			within, err := json.Marshal(map[string]string{"Deep": string(field)})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range [][]byte{field, within} {
				if out := Answer("process_inspect", text, Keep{}); strings.Contains(string(out), planted) {
					t.Errorf("%s is kept: %s", name, out)
				}
			}
		}
	}
}

func capital(word string) string {
	first, n := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[n:]
}
