package replay

import (
	"fmt"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
	"ergorecorder/ergo/tools48"
)

// checkArgs refuses what the tool would refuse: arguments of a wrong type, and
// identifiers that are none.
func (q *question) checkArgs() error {
	if !q.tool.Lenient {
		for _, p := range q.tool.Params {
			if v, given := q.call.Args[p.Name]; given {
				if got := p.Wrong(v); got != "" {
					return q.refuse(fmt.Sprintf("invalid params: json: cannot unmarshal %s into Go struct field %sParams.%s of type %s",
						got, camel(q.call.Tool), p.Name, p.GoType()))
				}
			}
		}
	}
	for _, p := range q.tool.Params {
		switch {
		case !p.Required:
		case p.Name == "pid":
			if _, _, _, err := ergo.PID(q.call.Args.Text("pid")).Parts(); err != nil {
				return q.refuse("invalid pid: " + err.Error())
			}
		case p.Name == "alias":
			if !validAlias(q.call.Args.Text("alias")) {
				return q.refuse("invalid alias: incorrect Alias format, expected <crc.id0.id1.id2>")
			}
		}
	}
	return nil
}

// camel is the tool's name as its node spells it in errors: process_info is
// processInfo.
func camel(tool string) string {
	words := strings.Split(tool, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// validAlias reports whether text is Alias#<crc.id0.id1.id2>, with or without
// its prefix.
func validAlias(text string) bool {
	text = strings.TrimPrefix(text, "Alias#")
	return strings.HasPrefix(text, "<") && strings.HasSuffix(text, ">") && strings.Count(text, ".") == 3
}

// limitArg is how many rows a listing shows: -1 for all.
func (q *question) limitArg(whenAbsent int64) int {
	n, given := q.call.Args.Int("limit")
	switch {
	case !given:
		return int(whenAbsent)
	case n == 0 && q.m.faithful:
		return tools48.DefaultLimit
	case n <= 0:
		return -1
	}
	return int(n)
}

func cut(rows []listing.Row, limit int) []listing.Row {
	if limit >= 0 && len(rows) > limit {
		return rows[:limit]
	}
	return rows
}
