package inspect

import (
	"encoding/json"
	"testing"
)

// The creation is put into whatever object a node says of itself, and the answer
// that it came from stays as it was.
func TestNodeWithCreation(t *testing.T) {
	for said, want := range map[string]string{
		`{}`:                        `{"Creation":7}`,
		`{ }`:                       `{"Creation":7}`,
		`{"Name":"a@h"}`:            `{"Creation":7,"Name":"a@h"}`,
		`{"Creation":5,"Name":"a"}`: `{"Creation":5,"Name":"a"}`,
	} {
		answer := []byte(`{"Info":` + said + `,"More":1}`)
		before := string(answer)
		got, err := node(answer, 7)
		if err != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("of %s: %s, %v; want %s", said, got, err, want)
		}
		if string(answer) != before {
			t.Errorf("of %s: the answer became %s", said, answer)
		}
	}
}
