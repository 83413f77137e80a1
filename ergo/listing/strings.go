package listing

// Rewrite replaces strings of a JSON text: change is asked for the literal of
// every one that is a value, with the name of the field it stands in, or its
// list does (as it is written between its quotes), and returns nil to leave it.
// Of a text that is broken, what stands before that is rewritten.
func Rewrite(text []byte, change func(name, literal []byte) []byte) []byte {
	w := rewriting{text: text, change: change}
	w.value(0, nil)
	if w.out == nil {
		return text
	}
	return append(w.out, text[w.from:]...)
}

type rewriting struct {
	text, out []byte
	from      int // what stands before is in out
	change    func(name, literal []byte) []byte
}

// value walks the value at i, of a field, and gives its end, -1 if it has none.
func (w *rewriting) value(i int, name []byte) int {
	if i = skipSpace(w.text, i); i >= len(w.text) {
		return -1
	}
	switch w.text[i] {
	case '{':
		return readFields(w.text, i, func(name []byte, at int) int { return w.value(at, name) })
	case '[':
		return w.list(i, name)
	case '"':
		end := skipString(w.text, i)
		if end < 0 {
			return -1
		}
		if by := w.change(name, w.text[i:end]); by != nil {
			w.out = append(append(w.out, w.text[w.from:i]...), by...)
			w.from = end
		}
		return end
	}
	return skipValue(w.text, i)
}

func (w *rewriting) list(i int, name []byte) int {
	for i = skipSpace(w.text, i+1); i < len(w.text) && w.text[i] != ']'; i = skipSpace(w.text, i) {
		if w.text[i] == ',' {
			i++
		} else if i = w.value(i, name); i < 0 {
			return -1
		}
	}
	if i >= len(w.text) {
		return -1
	}
	return i + 1
}
