package server

import (
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"roost/server/guard"
	"roost/server/transport"
	"roost/server/variables"
)

// newExecutor sets up gqlgen with our transports and limits. The order of extensions matters: persisted queries come
// before the guard, because they find the document that the guard checks.
func (s *Server) newExecutor() (*handler.Server, error) {
	cfg := s.cfg
	cache, err := newQueryCache(cfg)
	if err != nil {
		return nil, err
	}
	limits, err := guard.New(cfg.Guard, cache)
	if err != nil {
		return nil, err
	}
	store := cfg.PersistedQueries
	if store == nil {
		if store, err = transport.NewMemoryQueries(transport.DefaultMemoryEntries, transport.DefaultMemoryBytes); err != nil {
			return nil, err
		}
	}
	exec := handler.New(cfg.Schema)
	exec.SetQueryCache(cache)
	if cfg.ErrorPresenter != nil {
		exec.SetErrorPresenter(cfg.ErrorPresenter)
	}
	if cfg.Recover != nil {
		exec.SetRecoverFunc(cfg.Recover)
	}
	if !cfg.NoIntrospection {
		exec.Use(extension.Introspection{})
	}
	if cfg.NoSuggestions {
		exec.SetDisableSuggestion(true)
		exec.SetValidationRulesFn(rulesWithoutSuggestions)
	}
	exec.Use(transport.Persisted{Store: store})
	exec.Use(limits)
	for _, e := range cfg.Extensions {
		exec.Use(e)
	}
	schema := cfg.Schema.Schema()
	exec.AddTransport(variables.Checked(s.socket, schema))
	exec.AddTransport(variables.Checked(s.httpTransport(), schema))
	return exec, nil
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
	h.BeforeWrite, h.Unread, h.Observer, h.Log = s.beforeWrite, s.unread, s.metrics, s.cfg.Log
	return h
}

func (s *Server) newSocket() *transport.Socket {
	cfg := s.cfg.Socket
	cfg.Init, cfg.CheckOrigin = s.initSocket, s.origins.allowsSocket
	cfg.Cost = guard.CostOf
	cfg.Gate, cfg.Unread, cfg.Observer, cfg.Log = s.gate, s.unread, s.metrics, s.cfg.Log
	return transport.NewSocket(cfg)
}
