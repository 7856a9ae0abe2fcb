package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/tweets"
	"roost/graph/model"
	"roost/internal/words"
)

func (q queries) Limits(context.Context) (*model.Limits, error) { return q.limits(), nil }

// limits are the limits that this node enforces.
func (r *Resolver) limits() *model.Limits {
	return &model.Limits{
		TweetLength: tweets.MaxLength, PageSize: pageSize, BatchSize: BatchSize,
		UsernameLength: accounts.MaxUsername, NameLength: accounts.MaxName, BioLength: accounts.MaxBio,
		PasswordMinLength: accounts.MinPassword, SearchLength: words.MaxQueryLength, DocumentBytes: int32(r.DocumentBytes),
	}
}
