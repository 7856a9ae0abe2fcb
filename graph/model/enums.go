package model

import (
	"fmt"
	"io"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"roost/domain/accounts"
	"roost/domain/reactions"
)

// Enums of the domain are written and read here, so that the domain needs no GraphQL. gqlparser has checked that an input
// is one of the enum's values.

// MarshalSessionPolicy writes the enum value.
func MarshalSessionPolicy(p accounts.SessionPolicy) graphql.Marshaler { return enum(string(p)) }

// UnmarshalSessionPolicy reads the enum value.
func UnmarshalSessionPolicy(v any) (accounts.SessionPolicy, error) {
	s, err := enumName(v)
	return accounts.SessionPolicy(s), err
}

// MarshalSessionEndReason writes the enum value.
func MarshalSessionEndReason(r accounts.EndReason) graphql.Marshaler { return enum(string(r)) }

// UnmarshalSessionEndReason reads the enum value.
func UnmarshalSessionEndReason(v any) (accounts.EndReason, error) {
	s, err := enumName(v)
	return accounts.EndReason(s), err
}

// kinds are made once: a page of tweets writes one for each of them.
var kinds = map[reactions.Kind]graphql.Marshaler{
	reactions.None:    enum(reactions.None.String()),
	reactions.Like:    enum(reactions.Like.String()),
	reactions.Dislike: enum(reactions.Dislike.String()),
}

// MarshalReactionKind writes the enum value.
func MarshalReactionKind(k reactions.Kind) graphql.Marshaler {
	if m, ok := kinds[k]; ok {
		return m
	}
	return enum(k.String())
}

// UnmarshalReactionKind reads the enum value.
func UnmarshalReactionKind(v any) (reactions.Kind, error) {
	s, err := enumName(v)
	if err != nil {
		return reactions.None, err
	}
	k, ok := reactions.KindOf(s)
	if !ok {
		return reactions.None, fmt.Errorf("%s is not a ReactionKind", s)
	}
	return k, nil
}

func enum(name string) graphql.Marshaler {
	quoted := strconv.Quote(name)
	return graphql.WriterFunc(func(w io.Writer) {
		// A write fails if the client has left, which the transport notices.
		_, _ = io.WriteString(w, quoted)
	})
}

func enumName(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("an enum value is a name, not %T", v)
	}
	return s, nil
}
