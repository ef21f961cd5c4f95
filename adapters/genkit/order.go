package closegenkit

import (
	"context"
	"sync"

	"github.com/firebase/genkit/go/ai"
)

// order lets the calls of a message wait for each other. genkit carries them out at
// once, and writes would lose their order. A call waits for the one before it in the
// message, which must reach the order too: no other middleware may stand before it.
type order struct {
	outermost bool
	mu        sync.Mutex
	places    map[string]place // by the ref of the call
}

type place struct{ before, after chan struct{} }

// outer notes whether the middleware is the outermost one.
func (o *order) outer(m *middleware, options *ai.GenerateActionOptions) {
	o.outermost = options != nil && len(options.Use) > 0 && options.Use[0].Config == any(m)
}

// line gives each call of a message its place. Calls without a ref of their own are
// carried out as genkit does.
func (o *order) line(m *ai.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.places = map[string]place{}
	before := make(chan struct{})
	close(before)
	for _, p := range m.Content {
		if !p.IsToolRequest() {
			continue
		}
		ref := p.ToolRequest.Ref
		if _, twice := o.places[ref]; twice || ref == "" || !o.outermost {
			o.places = nil
			return
		}
		after := make(chan struct{})
		o.places[ref] = place{before, after}
		before = after
	}
}

// wait is the hook around a call.
func (o *order) wait(ctx context.Context, p *ai.ToolParams, next ai.ToolNext) (*ai.MultipartToolResponse, error) {
	o.mu.Lock()
	mine, ok := o.places[p.Request.Ref]
	o.mu.Unlock()
	if ok {
		defer close(mine.after)
		select {
		case <-mine.before:
		case <-ctx.Done(): // the call fails by it
		}
	}
	return next(ctx, p)
}
