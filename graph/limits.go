package graph

import (
	"context"

	"roost/domain/accounts"
	"roost/domain/tweets"
	"roost/graph/model"
)

func (q queries) Limits(context.Context) (*model.Limits, error) {
	return &model.Limits{
		TweetLength: tweets.MaxLength, PageSize: pageSize, BatchSize: BatchSize,
		UsernameLength: accounts.MaxUsername, NameLength: accounts.MaxName, BioLength: accounts.MaxBio,
		PasswordMinLength: accounts.MinPassword, DocumentBytes: int32(q.DocumentBytes),
	}, nil
}
