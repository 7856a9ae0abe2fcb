package main

import (
	"context"
	"fmt"
	"slices"

	"roost/bench/ops"
	"roost/bench/report"
	"roost/bench/rig"
)

// variant is a Roost with other settings, with which some operations are measured once more.
type variant struct {
	name, title string
	operations  []string
	set         func(t *rig.Target, on bool)
}

var variants = []variant{
	{"uncached", "all from SQL", []string{"home", "profile"}, func(t *rig.Target, on bool) { t.Uncached = on }},
	{"budgets", "with budgets of callers", []string{"home", "typename"}, func(t *rig.Target, on bool) { t.Budgets = on }},
}

// variant measures the operations of a variant that are wanted. Roost restarts before and after.
func (b *bench) variant(ctx context.Context, v variant, loads []string, add func(*report.Measurement, error) error) (err error) {
	all := slices.DeleteFunc(slices.Clone(b.all), func(op ops.Operation) bool { return !slices.Contains(v.operations, op.Name) })
	if len(all) == 0 {
		return nil
	}
	v.set(b.rig.Roost, true)
	if err := b.rig.Roost.Restart(ctx); err != nil {
		return err
	}
	for _, op := range all {
		op.Name, op.Title = op.Name+" "+v.name, op.Title+", "+v.title
		for _, kind := range loads {
			if err := add(b.operation(ctx, op, kind)); err != nil {
				return fmt.Errorf("%s, %s loop: %w", op.Name, kind, err)
			}
		}
	}
	v.set(b.rig.Roost, false)
	return b.rig.Roost.Restart(ctx)
}
