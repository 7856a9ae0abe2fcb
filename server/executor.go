package server

import (
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"roost/server/guard"
	"roost/server/transport"
)

// newExecutor sets up gqlgen with our transports and limits. The order of extensions matters: persisted queries come
// before the guard, because they find the document that the guard checks.
func (s *Server) newExecutor() (*operations, error) {
	cfg := s.cfg
	kept, err := newDocuments(cfg)
	if err != nil {
		return nil, err
	}
	limits, err := guard.New(cfg.Guard, kept)
	if err != nil {
		return nil, err
	}
	limits.Resolved, limits.Free = cfg.Resolved, cfg.Free
	store := cfg.PersistedQueries
	if store == nil {
		if store, err = transport.NewMemoryQueries(transport.DefaultMemoryEntries, transport.DefaultMemoryBytes); err != nil {
			return nil, err
		}
	}
	exec := &operations{
		Executor: executor.New(cfg.Schema), schema: cfg.Schema.Schema(), documents: kept, guard: limits, queries: store,
		budgets: cfg.Budgets,
	}
	exec.SetQueryCache(kept)
	exec.documentsOnly, exec.hidden = cfg.DocumentsOnly, cfg.NoIntrospection
	if cfg.ErrorPresenter != nil {
		exec.SetErrorPresenter(cfg.ErrorPresenter)
	}
	if cfg.Recover != nil {
		exec.SetRecoverFunc(cfg.Recover)
	}
	if !cfg.NoIntrospection {
		exec.use(extension.Introspection{})
	}
	if cfg.NoSuggestions {
		exec.SetDisableSuggestion(true)
		exec.SetDefaultRulesFn(rulesWithoutSuggestions)
	}
	exec.persisted = transport.Persisted{Store: store, Document: exec.document, Only: cfg.DocumentsOnly,
		Refuse: exec.refuseSpent, KeepLater: true}
	exec.use(exec.persisted)
	exec.use(limits)
	for _, e := range cfg.Extensions {
		exec.use(e)
	}
	return exec, exec.pin(cfg.Documents)
}

// rulesWithoutSuggestions returns gqlparser's rules, and replaces those that make suggestions and that gqlgen does not
// replace itself.
func rulesWithoutSuggestions() *rules.Rules {
	set := rules.NewDefaultRules()
	set.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
	set.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
	set.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, rules.ValuesOfCorrectTypeRuleWithoutSuggestions.RuleFunc)
	return set
}

func (s *Server) httpTransport() transport.HTTP {
	h := s.cfg.HTTP
	h.DocumentsOnly = s.cfg.DocumentsOnly
	h.BeforeWrite, h.Streams, h.Unread, h.Observer, h.Log = s.beforeWrite, s.socket, s.unread, s.metrics, s.cfg.Log
	return h
}

func (s *Server) newSocket() *transport.Socket {
	cfg := s.cfg.Socket
	cfg.Init, cfg.Caller, cfg.CheckOrigin = s.initSocket, s.streamCaller, s.origins.allowsSocket
	cfg.Cost = guard.CostOf
	cfg.Gate, cfg.Unread, cfg.Observer, cfg.Log = s.gate, s.unread, s.metrics, s.cfg.Log
	return transport.NewSocket(cfg)
}
