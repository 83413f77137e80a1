package archive

// Column is the column of that name; an empty one where it was not asked for.
func (f *Frame) Column(name string) *Column {
	for i := range f.Columns {
		if f.Columns[i].Name == name {
			return &f.Columns[i]
		}
	}
	return &Column{Name: name}
}

// Object is the slot of an answer that is one object; ok is false where it
// says nothing.
func (f *Frame) Object() (slot int32, ok bool) {
	if f.Failure != nil || len(f.Live) == 0 {
		return 0, false
	}
	return f.Live[0], true
}
