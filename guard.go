package closekit

import (
	"context"
	"slices"
)

// Guard decides whether a call may be made. It sees the encoded request, with its
// Operation, and must not modify it.
type Guard func(ctx context.Context, req Request) error

// WithGuard adds a guard: a check of every call before anything is sent. It runs
// once per call, not once per attempt, for typed functions, tools, iterators (once
// per page) and [Client.Do] alike. The call returns its error unchanged; nothing has
// been sent then. Guards run in the order in which they were added, and clients that
// [Client.With] derives keep them: no option removes a guard.
func WithGuard(guards ...Guard) Option {
	return option(func(c *config) {
		for _, g := range guards {
			if g != nil {
				c.guards = append(slices.Clip(c.guards), g)
			}
		}
	})
}
