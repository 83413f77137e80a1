package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/view"
)

// engineTime is how long the fleet's engine may take to say how the fleet is.
const engineTime = 5 * time.Second

// A fleetView is a fleet as its engine tells it now.
type fleetView struct {
	*view.Fleet
	// Ask is how a cluster's recording is served: what stands before its name. "" where the page is of one.
	Ask string
}

// Incident is one in words.
func (fleetView) Incident(i shape.Incident) string { return view.Incident(&i) }

func (s *Server) fleet(ctx context.Context, _ *page) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTime)
	defer cancel()
	f, err := s.opt.Fleet(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask how the fleet is: %w", err)
	}
	return fleetView{Fleet: f}, nil
}

// NewFleet makes a server of a fleet's page alone, where no recording can be
// chosen: opt.Fleet says how the fleet is. ask is the command that serves a
// cluster's recording, up to the cluster's name.
func NewFleet(opt Options, ask string) *Server {
	s, mux := newServer(nil, opt)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		v, err := s.fleet(r.Context(), nil)
		if err != nil {
			s.fail(w, err)
			return
		}
		f := v.(fleetView)
		f.Ask = ask
		s.render(w, "fleetpage", f)
	})
	s.handler = s.guard(s.together(mux))
	return s
}
