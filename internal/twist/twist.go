// Package twist makes hostile answers of good ones, for tests of whoever reads
// answers.
package twist

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// odd are values that nothing holds in earnest.
func odd() []string {
	return []string{
		`-1`, `-9223372036854775808`, `18446744073709551615`, `1e308`, `-0.0`, `null`, `true`, `""`, `[]`, `{}`, `[[[[]]]]`,
		`"9999-12-31T23:59:59.999999999Z"`, `"0001-01-01T00:00:00Z"`, `"-290000000000000h"`, `"292277026596-01-01T00:00:00Z"`,
		`"b@h:1004.0"`, `"a@h:-5.-7"`, `"a@h:99999999999999999999.1"`, `"<FFFFFFFF.0.1>"`, `"a@h:"`, `"\u001b[2J\u202e"`,
	}
}

// JSON is a value with some of its parts exchanged for odd ones, rows that are
// missing or twice, and columns that come and go; about one part of so many is odd.
func JSON(luck *rand.Rand, v any, oneOf int) any {
	if luck.IntN(oneOf) == 0 {
		all := odd()
		return json.RawMessage(all[luck.IntN(len(all))])
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			if luck.IntN(2*oneOf) == 0 {
				k = fmt.Sprintf("%s%d", k, luck.IntN(1000))
			}
			out[k] = JSON(luck, x, oneOf)
		}
		return out
	case []any:
		var out []any
		for _, x := range v {
			for range luck.IntN(3) {
				out = append(out, JSON(luck, x, oneOf))
			}
		}
		return out
	}
	return v
}
