package wire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ergorecorder/ergo/wire/internal/system"
)

// The layouts of 3.3 were inferred from public source. So a node of 3.3 is asked
// first how it lays out its types itself: what differs is not asked, or its answer
// would be misread, or the node would log that it cannot read us.

// typesRequest asks a node for its types.
const typesRequest = "GetTypes"

// ownTypes is a part of the names of the types that are compared: those of the
// system application, and those of which they are made.
const ownTypes = "ergo.services/ergo/"

// checkSelf asks once how the node lays out its types, and refuses what differs.
// That it cannot be asked stays said, and is no reason not to go on: every answer
// is checked when it is read.
func (s *inspection) checkSelf(ctx context.Context) {
	if s.plan != system.Plan33 {
		return
	}
	s.checking.Lock()
	defer s.checking.Unlock()
	if s.checked != "" {
		return
	}
	v, err := s.make(ctx, typesRequest, system.GetTypes{Name: ownTypes, Limit: maxEvents})
	if ctx.Err() != nil || s.l.Err() != nil {
		return // nothing was learned: asked again
	}
	answer, ok := v.(system.TypesAnswer)
	if err == nil && !ok {
		err = fmt.Errorf("answered with %T", v)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.checked = fmt.Sprintf("its layouts are inferred and not compared with its own (%v): each answer is checked when it is read", err)
		return
	}
	c := s.plan.Compare(answer.Types)
	for message, says := range c.Differ {
		s.refused[requestOf(message)] = fmt.Errorf("%s: %w: the node describes %s", message, errOtherLayout, says)
	}
	s.checked = words(c)
}

// errOtherLayout is a message that the node lays out in another way than we do.
var errOtherLayout = errors.New("not asked, for the node's own description of it is not ours")

// requestOf is the request to which a message belongs.
func requestOf(message string) string {
	for _, kind := range []string{"Request", "Response", "Message"} {
		if rest, ok := strings.CutPrefix(message, kind); ok {
			return rest
		}
	}
	return message
}

// words say how the layouts stand.
func words(c system.Checked) string {
	said := fmt.Sprintf("%d messages are laid out as the node itself describes them", len(c.Compared))
	if n := len(c.Undescribed); n > 0 {
		said += fmt.Sprintf("; of %d it does not describe every part: these are checked when they are read", n)
	}
	if len(c.Differ) > 0 {
		said += "; not asked, for it describes them in another way: " + strings.Join(slices.Sorted(maps.Keys(c.Differ)), ", ")
	}
	return said
}

// logRefused is why the log is not asked for, nil where it may be.
func (s *inspection) logRefused(ctx context.Context) error {
	s.checkSelf(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused["InspectLog"]
}

// saidOfItself is what the comparison said, "" before it was made.
func (s *inspection) saidOfItself() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.checked
}
