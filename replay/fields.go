package replay

// Fields are the fields that a query asks for. A reader takes them one by one
// and keeps where each stands, so that none is counted by hand:
//
//	var ask replay.Fields
//	pid, run := ask.Of("PID"), ask.Of("RunningTime")
//	for f, err := range rec.Answers(ctx, replay.Query{Fields: ask, …}) {
//		… f.Columns[pid].Text(slot), f.Columns[run].Float(slot)
type Fields []string

// Of asks for a field, and is its place among the columns of each answer.
func (f *Fields) Of(name string) int {
	*f = append(*f, name)
	return len(*f) - 1
}
