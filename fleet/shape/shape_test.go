package shape

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "gamma@host", "a.b c*d>e_f", "\xff\x00", "ä@ö"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		token := Token(name)
		if strings.ContainsAny(token, ". *>@") {
			t.Errorf("token %q of %q", token, name)
		}
		if back, err := Name(token); err != nil || back != name {
			t.Errorf("%q came back as %q, %v", name, back, err)
		}
	})
}

func FuzzSubject(f *testing.F) {
	f.Add("ergo.f.c.block.0000000000000007.gamma_40h.sample.12")
	f.Add("ergo.f.c.late.0000000000000007.gamma_40h.sample.12")
	f.Add("ergo.f.c.mark.00000000000000ff._.note")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSubject(text)
		if err != nil {
			return
		}
		if again, err := ParseSubject(s.String()); err != nil || again != s {
			t.Errorf("%q is %+v, and that %+v, %v", text, s, again, err)
		}
	})
}

func TestSubject(t *testing.T) {
	s := Subject{Fleet: "f", Cluster: "c", Class: ClassBlock, Archive: 7, Node: "gamma@h.example", Kind: "sample", Stream: 12}
	text := s.String()
	if want := "ergo.f.c.block.0000000000000007.gamma_40h_2eexample.sample.12"; text != want {
		t.Fatalf("%s, want %s", text, want)
	}
	if back, err := ParseSubject(text); err != nil || back != s {
		t.Errorf("%+v, %v", back, err)
	}
	for _, bad := range []string{"", "ergo", "ergo.f.c.block.0.a.sample", "ergo.f.c.late.0.a.sample", "ergo.f.c.mark.0.a.note.1", "ergo.f.c.block.x.a.sample.1", "ergo.f.c.block.1.a_.sample.1", "ergo.f.c.block.1.a.sample.-1"} {
		if s, err := ParseSubject(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, s)
		}
	}
}

func TestNames(t *testing.T) {
	for _, ok := range []string{"f", "prod-eu-1", strings.Repeat("a", 64)} {
		if err := CheckName("fleet", ok); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "a.b", "a b", "a_b", "a>", "*", strings.Repeat("a", 65)} {
		if CheckName("fleet", bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if c, ok := ClusterOf("f", Stream("f", "c")); c != "c" || !ok {
		t.Errorf("%q, %v", c, ok)
	}
	if c, ok := ClusterOf("f", Stream("g", "c")); ok {
		t.Errorf("the cluster %q of another fleet", c)
	}
}

func TestPiece(t *testing.T) {
	for text, want := range map[string][2]int{"": {1, 1}, "2/5": {2, 5}, Piece(3, 3): {3, 3}} {
		if a, b, err := ParsePiece(text); err != nil || [2]int{a, b} != want {
			t.Errorf("%q: %d, %d, %v", text, a, b, err)
		}
	}
	for _, bad := range []string{"0/1", "3/2", "1", "a/b", "1/1000000"} {
		if _, _, err := ParsePiece(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	ids := map[string]bool{}
	for _, id := range []string{BlockID(1, 2, 9, 3, 1, 1), BlockID(1, 2, 9, 3, 1, 2), BlockID(1, 2, 9, 3, 2, 2), BlockID(1, 2, 10, 3, 1, 1), BlockID(1, 2, 9, 4, 1, 1), MarkID(1, 2)} {
		if ids[id] {
			t.Errorf("two messages are %s", id)
		}
		ids[id] = true
	}
}

func TestBlock(t *testing.T) {
	at := time.Date(2026, 11, 28, 1, 2, 3, 4, time.UTC)
	b := Block{
		Subject:  Subject{Fleet: "f", Cluster: "c", Class: ClassBlock, Archive: 7, Node: "a@h", Kind: "sample", Stream: 3},
		Recorder: "r", Run: 10, Last: 20, Part: 2, Records: 5, From: at, To: at.Add(time.Second), Piece: 2, Pieces: 3, Sum: 99,
	}
	h := b.Headers()
	get := func(name string) string {
		if v := h[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	back, err := ParseBlock(b.String(), get)
	if err != nil || !reflect.DeepEqual(back, b) {
		t.Errorf("%+v, %v, want %+v", back, err, b)
	}
	for name := range h {
		if name == HeaderID || name == HeaderRecorder || name == HeaderPiece {
			continue
		}
		one := func(n string) string {
			if n == name {
				return "x"
			}
			return get(n)
		}
		if _, err := ParseBlock(b.String(), one); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("header %s is wrong: %v", name, err)
		}
	}
}
