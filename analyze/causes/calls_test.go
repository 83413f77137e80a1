package causes

import "testing"

// A name in prose is no name: only quoted, or not a plain word, it says whom a
// log line means.
func TestContainsWord(t *testing.T) {
	for _, c := range []struct {
		line, name string
		want       bool
	}{
		{"call to stock_keeper failed: timed out", "stock_keeper", true},
		{"call to stock_keeper_2 failed", "stock_keeper", false},
		{"stock check failed: timed out", "stock", false},
		{"call to 'stock' failed", "stock", true},
		{"no answer from {stock, east@lab}", "stock", true},
		{"restock and stock", "stock", false},
		{"anything", "", false},
		{"a line that ends in stock_keeper", "stock_keeper", true},
	} {
		if got := containsWord(c.line, c.name); got != c.want {
			t.Errorf("containsWord(%q, %q) = %v", c.line, c.name, got)
		}
	}
}
