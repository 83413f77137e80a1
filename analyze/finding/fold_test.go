package finding

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// However many findings there are, those that are told whole and the lines about
// the others stay few; each finding is in one of both.
func TestFold(t *testing.T) {
	for _, n := range []int{0, 1, mostWhole, mostWhole + 1, 10_000} {
		var all []*Finding
		for i := range n {
			all = append(all, &Finding{
				Display: fmt.Sprintf("F%d", i+1), Kind: BlockedCallback, Severity: Critical, Score: 90 - i%5, Onset: time.Unix(int64(i), 0),
				Title: "it is blocked", Subject: Subject{Node: fmt.Sprintf("n%d", i%3), Behavior: fmt.Sprintf("app.B%d", i%120)},
			})
		}
		whole, rest := Fold(all)
		seen := map[*Finding]bool{}
		for _, f := range whole {
			seen[f] = true
		}
		for _, fam := range rest {
			for _, m := range fam.Members {
				seen[m] = true
			}
		}
		lines := FoldedWords(rest)
		if len(seen) != n || len(whole) > mostWhole || len(lines) > mostFamilies+1 || n <= mostWhole && rest != nil {
			t.Errorf("%d findings: %d whole, %d families, %d lines, %d in all", n, len(whole), len(rest), len(lines), len(seen))
		}
		if n > 0 && whole[0] != all[0] {
			t.Error("the first is not told first")
		}
	}
}

func TestFamilyWords(t *testing.T) {
	var all []*Finding
	for i := range 50 {
		all = append(all, &Finding{
			Display: fmt.Sprintf("F%d", i+1), Kind: BlockedCallback, Severity: Critical, Score: 90 - i%5, Onset: time.Unix(int64(i), 0),
			Title: "it is blocked", Subject: Subject{Node: fmt.Sprintf("n%d@h", i%3), Behavior: "app.Worker"},
		})
	}
	_, rest := Fold(all)
	want := "47 more of blocked_callback, critical, about app.Worker on 3 nodes: score 86 to 90, beginning 00:00:03 to 00:00:49; the first of them is F4: it is blocked"
	if got := strings.Join(FoldedWords(rest), "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
