package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"ergorecorder/ergo/listing"
)

// rows are the objects of an array; null and what is missing have none.
func rows(array []byte) ([]listing.Row, error) {
	if len(bytes.TrimSpace(array)) == 0 {
		return nil, nil
	}
	list, ok := listing.Split(array)
	if !ok {
		return nil, fmt.Errorf("not a list of objects: %.40s", array)
	}
	return list, nil
}

// A builder makes an object field by field.
type builder struct{ b []byte }

// put adds a field; a nil value is left out.
func (o *builder) put(name string, value []byte) {
	if value == nil {
		return
	}
	if o.b == nil {
		o.b = append(o.b, '{')
	} else {
		o.b = append(o.b, ',')
	}
	o.b = append(strconv.AppendQuote(o.b, name), ':')
	o.b = append(o.b, value...)
}

func (o *builder) object() listing.Row {
	if o.b == nil {
		return listing.Row("{}")
	}
	return append(o.b, '}')
}

// encode is JSON of values that always encode, nothing escaped for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return []byte("null")
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
