package story

import (
	"fmt"
	"strings"
)

// A Section of the language is what can be said in one place.
type Section struct {
	Title  string
	Phrase []Form
}

// A Form is one thing that can be said, and what it means.
type Form struct{ Form, Means string }

// Language is all that can be said in clauses, as docs/stories.md shows it.
func Language() []Section {
	return []Section{
		{"Clauses of `recording`", forms(recordingPhrases)},
		{"Clauses of `node`", forms(nodePhrases)},
		{"Clauses of `process`, `supervisor` and `pool`; after `at` a process's name and one of them", forms(settingPhrases)},
		{"What happens, after `at`", forms(happenings)},
		{"Clauses of a finding that is expected", forms(wantPhrases)},
	}
}

func forms[C any](phrases []phrase[C]) []Form {
	out := make([]Form, len(phrases))
	for i, p := range phrases {
		out[i] = Form{p.form, p.means}
	}
	return out
}

// Reference is the language as a Markdown text.
func Reference() string {
	var b strings.Builder
	for _, s := range Language() {
		fmt.Fprintf(&b, "### %s\n\n| say | means |\n|---|---|\n", s.Title)
		for _, f := range s.Phrase {
			form := strings.NewReplacer(" ?", " ", "|", " or ", "(", "", ")", "").Replace(f.Form)
			fmt.Fprintf(&b, "| `%s` | %s |\n", form, f.Means)
		}
		b.WriteString("\n")
	}
	return b.String()
}
