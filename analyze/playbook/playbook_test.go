package playbook_test

import (
	"strings"
	"testing"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook"
)

// A detector is whole, and what it claims is its playbook's in the table of
// kinds.
func TestDetectors(t *testing.T) {
	names, claimed := map[string]bool{}, map[finding.Kind]string{}
	for _, b := range playbook.All() {
		for _, d := range b.Detectors {
			if d.Name == "" || d.Looks == "" || d.Run == nil || len(d.Needs) == 0 || len(d.Claims) == 0 {
				t.Errorf("%s: the row of %q is not whole", b.Name, d.Name)
			}
			if names[d.Name] {
				t.Errorf("two detectors are called %s", d.Name)
			}
			names[d.Name] = true
			for _, k := range d.Claims {
				if row, ok := finding.RowOf(k); !ok || row.Playbook != b.Name {
					t.Errorf("%s claims %s, which the table of kinds has in %q", d.Name, k, row.Playbook)
				}
				if other := claimed[k]; other != "" {
					t.Errorf("%s is claimed by %s and %s", k, other, d.Name)
				}
				claimed[k] = d.Name
			}
		}
	}
	seen := map[string]bool{}
	for _, s := range playbook.Settings() {
		if s.Meaning == "" || s.Why == "" || s.Default <= 0 || !strings.Contains(s.Name, ".") {
			t.Errorf("the setting %+v is not whole", s)
		}
		if seen[s.Name] {
			t.Errorf("two settings are called %s", s.Name)
		}
		seen[s.Name] = true
	}
}
