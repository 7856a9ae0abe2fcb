package model

import (
	"strings"
	"testing"

	"roost/domain/accounts"
	"roost/domain/reactions"
)

// What is written of an enum's value is read as the same value.
func TestEnumsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for kind, want := range map[reactions.Kind]string{reactions.None: `"NONE"`, reactions.Like: `"LIKE"`, reactions.Dislike: `"DISLIKE"`} {
		var b strings.Builder
		MarshalReactionKind(kind).MarshalGQL(&b)
		got, err := UnmarshalReactionKind(strings.Trim(b.String(), `"`))
		if b.String() != want || got != kind || err != nil {
			t.Errorf("%v is written as %s and read as %v, %v", kind, &b, got, err)
		}
	}
	var policy, reason strings.Builder
	MarshalSessionPolicy(accounts.SingleDevice).MarshalGQL(&policy)
	MarshalSessionEndReason(accounts.LoggedInElsewhere).MarshalGQL(&reason)
	if policy.String() != `"SINGLE_DEVICE"` || reason.String() != `"LOGGED_IN_ELSEWHERE"` {
		t.Errorf("the policy is written as %s, the reason as %s", &policy, &reason)
	}
	if p, err := UnmarshalSessionPolicy("SINGLE_DEVICE"); p != accounts.SingleDevice || err != nil {
		t.Errorf("the policy is read as %v, %v", p, err)
	}
	if r, err := UnmarshalSessionEndReason("REVOKED"); r != accounts.Revoked || err != nil {
		t.Errorf("the reason is read as %v, %v", r, err)
	}
	for _, bad := range []any{"LOVE", "", 1, nil} {
		if k, err := UnmarshalReactionKind(bad); err == nil {
			t.Errorf("%v is read as %v", bad, k)
		}
	}
}
