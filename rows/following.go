package rows

import (
	"context"

	"roost/cache"
	"roost/domain/follows"
	"roost/domain/timelines"
)

// FollowingQuestion is whether one viewer follows some users. It reads at most one key: the follow of the only user, or the viewer's
// list, which has up to follows.MaxFollowing ids and answers for all users. It must not be used concurrently.
type FollowingQuestion struct {
	edge *Question[follows.Edge, follows.State] // nil unless the follow of one user is read
	list *Question[int64, *timelines.Followed]  // nil unless the list is read

	followed *timelines.Followed // the list, once it was decoded
	decoded  bool
}

// AskFollowing returns a question about the follows of a viewer. It does not read them.
func (s *Store) AskFollowing(viewerID int64, userIDs []int64) *FollowingQuestion {
	only, several := follows.Edge{FollowerID: viewerID, FolloweeID: viewerID}, false
	for _, id := range userIDs {
		if id != viewerID {
			several = several || only.Possible() && id != only.FolloweeID
			only.FolloweeID = id
		}
	}
	switch {
	case several:
		return &FollowingQuestion{list: s.Followed.Ask([]int64{viewerID})}
	case only.Possible():
		return &FollowingQuestion{edge: s.Follows.Ask([]follows.Edge{only})}
	}
	return &FollowingQuestion{edge: s.Follows.Ask(nil)} // nobody follows themselves
}

// Request returns the question in the form that the tier takes.
func (q *FollowingQuestion) Request() *cache.Request {
	if q.list != nil {
		return q.list.Request()
	}
	return q.edge.Request()
}

// At reports whether the viewer follows one of the users. The question must have been answered.
func (q *FollowingQuestion) At(ctx context.Context, userID int64) (bool, error) {
	if q.list != nil {
		list, _, err := q.List(ctx)
		return list.Contains(userID), err
	}
	if len(q.edge.keys) == 0 || q.edge.keys[0].FolloweeID != userID {
		return false, nil
	}
	state, _, err := q.edge.At(ctx, 0)
	return state.Active, err
}

// List returns the viewer's list, nil for a viewer who never followed anybody. ok is false if the question has not read it.
func (q *FollowingQuestion) List(ctx context.Context) (list *timelines.Followed, ok bool, err error) {
	if q.list == nil {
		return nil, false, nil
	}
	if !q.decoded {
		if q.followed, _, err = q.list.At(ctx, 0); err != nil {
			return nil, false, err
		}
		q.decoded = true
	}
	return q.followed, true, nil
}
