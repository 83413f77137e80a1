package ergo

import (
	"encoding/json"
	"fmt"
)

// ContentText takes the text out of the result object of a tool call, as
// nodes write it: {"content":[{"type":"text","text":"…"}]}. A result without
// content has none (nil); one with several items, or with another thing than
// text, is refused.
func ContentText(result []byte) (text []byte, isError bool, err error) {
	var r struct {
		Content []struct {
			Type string  `json:"type"`
			Text *string `json:"text"`
		} `json:"content"`
		IsError bool `json:"isError"`
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return nil, false, fmt.Errorf("result of tools/call: %w", err)
	}
	switch {
	case len(r.Content) == 0:
		return nil, r.IsError, nil
	case len(r.Content) > 1:
		return nil, false, fmt.Errorf("result of tools/call: %d content items, not one", len(r.Content))
	case r.Content[0].Type != "text" || r.Content[0].Text == nil:
		return nil, false, fmt.Errorf("result of tools/call: content of type %q, not text", r.Content[0].Type)
	}
	return []byte(*r.Content[0].Text), r.IsError, nil
}
