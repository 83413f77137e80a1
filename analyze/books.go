package analyze

import "context"

func health(ctx context.Context, s *scene, v *verdict) error      { return nil }
func bottleneck(ctx context.Context, s *scene, v *verdict) error  { return nil }
func restartLoop(ctx context.Context, s *scene, v *verdict) error { return nil }
func processLeak(ctx context.Context, s *scene, v *verdict) error { return nil }
func zombies(ctx context.Context, s *scene, v *verdict) error     { return nil }
