package metamorph_test

import (
	"testing"

	"ergorecorder/internal/metamorph"
	"ergorecorder/internal/story"
)

// A fault of which an edit leaves too little is not asked for, and one that can still be told is.
func TestHidden(t *testing.T) {
	const cluster = "nodes north, east, south\nsupervisor shop_sup: shop.Sup\nprocess clerk: shop.Clerk x 2, under shop_sup, 5/s, 1ms\nprocess stock: shop.Stock on east, under shop_sup, 5/s, 1ms\n"
	blocked := func(at string) string {
		return "recording 3m\n" + cluster + "at " + at + ": stock blocks on lock in labapp/shop.(*Stock).book\n----\nblocked_callback of stock on east, since " + at + "\n"
	}
	crash := "recording 3m\n" + cluster + "at 100s for 4s: node east crashes\n----\nnode_down on east, since 100s\n"
	leak := "recording 4m\n" + cluster + "at 60s: stock keeps 60KB\n----\nmemory_leak of stock on east, since 60s\n"
	dies := "recording 4m\n" + cluster + "at 60s: stock panics, one in 60\n----\nrestart_loop of stock on east, since 60s\n"
	for _, c := range []struct {
		what, text, edit string
		hidden, nameless int
	}{
		{"it blocks for two seconds of what is seen", blocked("168s"), "thin 5", 1, 0},
		{"it blocks for longer", blocked("150s"), "thin 5", 0, 0},
		{"every answer is there", blocked("168s"), "as it is", 0, 0},
		{"the node was back before the recording", crash, "cut before", 1, 0},
		{"the node was seen to go", crash, "as it is", 0, 0},
		{"whose the heap is stands in profiles alone", leak, "no profiles", 0, 1},
		{"there are profiles", leak, "no logs", 0, 0},
		{"it dies over and over", dies, "as it is", 0, 0},
	} {
		s, err := story.Read(c.text, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		whole := metamorph.FromStory("told", s)
		for _, e := range metamorph.Edits() {
			if e.Name != c.edit {
				continue
			}
			o := metamorph.Judge(e.Do(whole), story.Report{})
			if o.Hidden != c.hidden || o.Nameless != c.nameless || o.Faults != 1-c.hidden {
				t.Errorf("%s (%s): %d of %d hidden, %d without a name; want %d and %d", c.what, c.edit, o.Hidden, o.Hidden+o.Faults, o.Nameless, c.hidden, c.nameless)
			}
		}
	}
}
