package ergo

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Decode decodes a tool's answer into a struct or a slice of them. A cell that
// does not fit (a number above 2^63, a text where a number was) costs that
// cell, which keeps its zero, and not the rest. What is no such answer at all
// is an error.
func Decode(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	var odd *json.UnmarshalTypeError
	if errors.As(err, &odd) && odd.Field != "" {
		return nil
	}
	return err
}

// Whole reads a number that should be a whole one: 366.0 is. What is none, or
// does not fit, is not ok.
func Whole(literal string) (v int64, ok bool) {
	if v, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return v, true
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || f != float64(int64(f)) || f >= 1<<63 || f < -1<<63 || strings.ContainsAny(literal, "xXpP_") {
		return 0, false
	}
	return int64(f), true
}
