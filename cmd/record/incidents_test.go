package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"ergorecorder/archive/archivetest"
	"ergorecorder/recorder"
	"ergorecorder/recorder/notify"
	"ergorecorder/seal"
)

// keyFile is the file of a new key, and its public half.
func keyFile(t *testing.T) (file, public string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, id.Recipient().String()
}

func webhookSecret(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAftermath: the file of an incident is encrypted on the way to the disk,
// and command and webhook are told the same.
func TestAftermath(t *testing.T) {
	dir, told := t.TempDir(), filepath.Join(t.TempDir(), "told.json")
	t.Setenv("TMPDIR", "/no/such/folder") // nothing is written there
	key, public := keyFile(t)
	posts := make(chan []byte, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		posts <- body
	}))
	defer srv.Close()
	c := incidentConfig{
		Dir: dir, Recipients: []string{public}, URL: srv.URL, SecretFile: webhookSecret(t),
		Command: []string{"sh", "-c", `cat > "$1"; test "$ERGO_INCIDENT_RULE" = deep`, "sh", told},
	}
	a, err := c.aftermath(func(s string) { t.Error(s) })
	if err != nil {
		t.Fatal(err)
	}
	var in recorder.Incidents
	a.hand(&in, func(recorder.Incident) {})
	view := written(t, "stuck.jsonl.gz").View()
	i := recorder.Incident{
		Trigger: recorder.Trigger{Kind: "rule", Rule: "deep", Node: "gamma@localhost", Onset: view.Info().From, Note: "rule deep: x"},
		From:    view.Info().From, To: view.Info().From.Add(20 * time.Second),
	}
	in.Opened(i)
	opened := <-posts
	in.Done(t.Context(), i, view)
	recorded := <-posts
	a.close()
	var m, n notify.Message
	if err := json.Unmarshal(opened, &n); err != nil || n.Type != notify.Opened || n.Data.File != "" {
		t.Errorf("%s, %v", opened, err)
	}
	if err := json.Unmarshal(recorded, &m); err != nil || m.Type != notify.Recorded || m.Data.ID != n.Data.ID {
		t.Errorf("%s, %v", recorded, err)
	}
	if text, err := os.ReadFile(told); err != nil || strings.TrimSpace(string(text)) != string(recorded) {
		t.Errorf("the command got %s, %v", text, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || files[0] != m.Data.File || !strings.HasSuffix(files[0], "-rule-deep-gamma.erg.age") || !seal.IsSealed(files[0]) {
		t.Fatalf("%v, told of %s", files, m.Data.File)
	}
	ids, err := seal.Identities([]string{key})
	if err != nil {
		t.Fatal(err)
	}
	o, err := seal.Open(files[0], ids)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	archivetest.Verify(t, o.Path())
}

// TestAftermathThatIsNone: a recorder does not start with it.
func TestAftermathThatIsNone(t *testing.T) {
	_, public := keyFile(t)
	for _, tt := range []struct {
		c    incidentConfig
		want string
	}{
		{incidentConfig{Recipients: []string{public}}, "no files to encrypt"},
		{incidentConfig{Dir: "x", Recipients: []string{"AGE-SECRET-KEY-1QQQQ"}}, "it is a secret key"},
		{incidentConfig{Dir: "x", Recipients: []string{"/no/such/file"}}, "no file"},
		{incidentConfig{URL: "http://127.0.0.1:1/"}, "give the secret too"},
		{incidentConfig{URL: "http://127.0.0.1:1/", SecretFile: "/no/such/file"}, "no such file"},
		{incidentConfig{URL: "http://u:hunter2@h/", SecretFile: webhookSecret(t)}, "holds a user"},
	} {
		_, err := tt.c.aftermath(nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "QQQQ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v: %v", tt.c, err)
		}
	}
}
