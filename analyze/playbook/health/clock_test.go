package health

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// TestAgreement holds the agreed time against a count of all clocks for each.
func TestAgreement(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var voters []voter
		for range 1 + rng.IntN(12) {
			var o series.Series
			o.Add(time.Unix(0, 0), math.Round(20*(rng.Float64()-.5))/4) // many stand exactly so far apart that they just agree
			voters = append(voters, voter{&scene.Node{}, o})
		}
		got, want := agreement(voters), counted(voters)
		same := slices.EqualFunc(got.of, want.of, func(a, b voter) bool { return a.node == b.node })
		if !same || got.recorder != want.recorder || got.outvotes != want.outvotes {
			t.Fatalf("%d agree, the recorder %v, outvotes %v; counted they are %d, %v, %v",
				len(got.of), got.recorder, got.outvotes, len(want.of), want.recorder, want.outvotes)
		}
	}
}

// counted is the largest group of clocks that agree with one of them.
func counted(voters []voter) (best agreed) {
	most := 0
	for i := -1; i < len(voters); i++ {
		mid := 0.0
		if i >= 0 {
			mid = voters[i].offset.V[0]
		}
		g := agreed{recorder: math.Abs(mid) <= alike}
		votes := 0
		if g.recorder {
			votes++
		}
		for _, x := range voters {
			if math.Abs(x.offset.V[0]-mid) <= alike {
				g.of = append(g.of, x)
				votes++
			}
		}
		if g.outvotes = 2*votes > len(voters)+1; votes > most {
			best, most = g, votes
		}
	}
	return best
}
