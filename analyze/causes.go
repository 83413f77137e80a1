package analyze

import "context"

// causes finds which findings explain which, and sets CausedBy and Effects.
func (s *scene) causes(ctx context.Context, all []*Finding) error {
	for _, f := range all {
		identify(f)
	}
	return nil
}
