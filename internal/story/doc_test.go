package story_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"ergorecorder/internal/story"
)

var update = flag.Bool("update", false, "write the reference in docs/stories.md anew")

// The documentation shows every form of the language.
func TestReference(t *testing.T) {
	const path, mark = "../../docs/stories.md", "<!-- reference: go test ./internal/story -run TestReference -update -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, have, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no mark", path)
	}
	want := "\n" + strings.TrimRight(story.Reference(), "\n") + "\n"
	if have == want {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the language is: run go test ./internal/story -run TestReference -update", path)
	}
	if err := os.WriteFile(path, []byte(head+mark+want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What cannot be understood is refused with its line, not passed over.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"nodes north\n", "nothing is expected"},
		{"nodes north\nprocess a: x.A, 5 per second\n----\nhealthy", "line 2"},
		{"nodes north\nat 5s: nobody blocks\n----\nhealthy", "no process nobody"},
		{"nodes north\nprocess a: x.A\nat 5s: a sings\n----\nhealthy", "line 3"},
		{"nodes north\n----\nmemory_leak on east", "no node east"},
		{"cluster atlantis\n----\nhealthy", "atlantis"},
		{"nodes north\nprocess a: x.A on west\n----\nhealthy", "no node west"},
	} {
		if _, err := story.Read(tt.text, 0, cluster); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
}

// A story and its seed are one recording; another seed is another one.
func TestSeeds(t *testing.T) {
	text := func(seed uint64) string {
		s, err := story.Read(stories(t)["healthy"], seed, cluster)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, r := range s.World.Records() {
			b.WriteString(r.At.String())
			b.Write(r.Text)
		}
		return b.String()
	}
	if a, b := text(5), text(5); a != b {
		t.Error("the same seed gives two recordings")
	}
	if a, b := text(5), text(6); a == b {
		t.Error("two seeds give the same recording")
	}
}
