package story_test

import (
	"testing"

	"ergorecorder/internal/story"
)

// tenMinutes is a story of three nodes with forty processes each.
const tenMinutes = `# ten minutes
recording 10m
nodes north, east, south
supervisor shop_sup: shop.Sup
process clerk: shop.Clerk x 25, under shop_sup, 5/s, 1ms, allocates 2KB
process stock: shop.Stock on east, under shop_sup, 2ms
process desk: shop.Desk x 10, under shop_sup, 2/s, calls stock
at 5m: clerk_3 blocks on lock
----
nothing else
`

// The recording of a story is made in less than 300 ms, on a quiet machine.
func BenchmarkTenMinutes(b *testing.B) {
	for b.Loop() {
		s, err := story.Read(tenMinutes, 0, cluster)
		if err != nil {
			b.Fatal(err)
		}
		if len(s.World.Records()) < 3000 {
			b.Fatal("too few records")
		}
	}
}
