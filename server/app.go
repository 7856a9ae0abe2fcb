package server

import (
	"context"
	"net/http"

	"roost/internal/admission"
	"roost/server/playground"
	"roost/site"
)

// headPrice is what a page pays for reading its head, in points: a little more than a query for a tweet with the name of its author.
const headPrice = 25

// mountApp adds the web app at all paths that nothing else has. Without it, / leads to the playground if there is one.
func (s *Server) mountApp(mux *http.ServeMux) error {
	if s.cfg.NoApp {
		if !s.cfg.NoPlayground {
			mux.Handle("GET /{$}", http.RedirectHandler(playground.Path, http.StatusFound))
		}
		return nil
	}
	cfg := s.cfg.Site
	cfg.Endpoint, cfg.DocumentsOnly, cfg.Playground = graphqlPath, s.cfg.DocumentsOnly, !s.cfg.NoPlayground
	cfg.Admit, cfg.Log = s.admitHead, s.cfg.Log
	if cfg.PublicURL == nil {
		cfg.PublicURL = func() string { return s.cfg.PublicURL }
	}
	app, err := site.New(cfg)
	if err != nil {
		return err
	}
	mux.Handle("/", app)
	return nil
}

// admitHead lets a request for a page read what its head says: as a query of a caller without a session, which takes a turn and pays from
// the budget of its address. Cookies do not count, so the page is the same for everybody.
func (s *Server) admitHead(ctx context.Context, r *http.Request) (done func(), ok bool) {
	q := requestOf(r.Context())
	if q == nil || !s.open.Load() {
		return nil, false
	}
	who := &q.caller
	who.Begin(0, 0)
	who.Address = q.from(r)
	q.known = true
	if s.cfg.Budgets != nil && s.cfg.Budgets.IsSpent(who) { // before it waits for a turn
		return nil, false
	}
	if s.gate.Take(ctx, who.Address, admission.Request, &q.ticket) != nil {
		return nil, false
	}
	q.admitted = true
	if s.cfg.Budgets != nil && s.cfg.Budgets.Charge(ctx, who, headPrice) != nil {
		q.ticket.Leave()
		return nil, false
	}
	return q.ticket.Leave, true
}
