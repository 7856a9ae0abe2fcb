package policies

import "context"

// cacheAside is cache-aside in one of its orders.
type cacheAside struct {
	*plain
	write func(p *plain, ctx context.Context, key, change int64) error
}

func aside(write func(p *plain, ctx context.Context, key, change int64) error) func(node) (Policy, error) {
	return func(n node) (Policy, error) {
		p, err := openPlain(n)
		if err != nil {
			return nil, err
		}
		return &cacheAside{p, write}, nil
	}
}

// Write changes row and cache in the order of the policy.
func (c *cacheAside) Write(ctx context.Context, key, change int64) error {
	return c.write(c.plain, ctx, key, change)
}

func (p *plain) deleteThenWrite(ctx context.Context, key, change int64) error {
	if err := p.del(ctx, key); err != nil {
		return err
	}
	if err := p.betweenSteps(ctx, key); err != nil {
		return err
	}
	_, err := p.table.write(ctx, key, change, false)
	return err
}

func (p *plain) writeThenDelete(ctx context.Context, key, change int64) error {
	if _, err := p.table.write(ctx, key, change, false); err != nil {
		return err
	}
	if err := p.betweenSteps(ctx, key); err != nil {
		return err
	}
	return p.del(ctx, key)
}

func (p *plain) setThenWrite(ctx context.Context, key, change int64) error {
	if err := p.set(ctx, key, change); err != nil {
		return err
	}
	if err := p.betweenSteps(ctx, key); err != nil {
		return err
	}
	_, err := p.table.write(ctx, key, change, false)
	return err
}

func (p *plain) writeThenSet(ctx context.Context, key, change int64) error {
	if _, err := p.table.write(ctx, key, change, false); err != nil {
		return err
	}
	if err := p.betweenSteps(ctx, key); err != nil {
		return err
	}
	return p.set(ctx, key, change)
}
