package analyze

import "context"

// health puts the nodes side by side.
func health(ctx context.Context, s *scene, v *verdict) error {
	if err := nodeLives(ctx, s, v); err != nil {
		return err
	}
	return errorRates(ctx, s, v)
}
