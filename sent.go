package closekit

import (
	"bytes"
	"context"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// write is the sending of a request that may change data. It is also the context of
// the request, because [httptrace.WithClientTrace] would link reflection that no other
// part of a small program needs.
type write struct {
	sending
	ctx   context.Context       // nil only in findTraceKey
	trace atomic.Pointer[trace] // nil until the transport asks for one
	body  bytes.Reader
}

// trace is what proves that a request never left: net/http wanted a connection and
// got none. The errors of net/http do not tell; that of a proxy that refuses the
// connection is only a text.
type trace struct {
	httptrace.ClientTrace
	outer       *httptrace.ClientTrace // of the caller
	wanted, got atomic.Bool
}

func (w *write) Deadline() (at time.Time, ok bool) { return w.ctx.Deadline() }
func (w *write) Done() <-chan struct{}             { return w.ctx.Done() }
func (w *write) Err() error                        { return w.ctx.Err() }

// Value returns a trace for net/http, and else what the caller's context has.
func (w *write) Value(key any) any {
	if w.ctx == nil {
		traceKey.key = key
		return nil
	}
	outer := w.ctx.Value(key)
	traceKey.once.Do(findTraceKey)
	if key != traceKey.key {
		return outer
	}
	t := w.trace.Load()
	if t == nil {
		t = newTrace(outer)
		if !w.trace.CompareAndSwap(nil, t) { // another goroutine of the transport was first
			t = w.trace.Load()
		}
	}
	return &t.ClientTrace
}

func newTrace(outer any) *trace {
	t := &trace{}
	if o, _ := outer.(*httptrace.ClientTrace); o != nil {
		t.outer, t.ClientTrace = o, *o
	}
	t.GetConn, t.GotConn = t.wantsConn, t.gotConn
	return t
}

// traceKey is the key of the trace in a context.
var traceKey struct {
	once sync.Once
	key  any
}

// findTraceKey asks a write without a context, which notes the key.
func findTraceKey() { httptrace.ContextClientTrace(&write{}) }

func (t *trace) wantsConn(addr string) {
	t.wanted.Store(true)
	if t.outer != nil && t.outer.GetConn != nil {
		t.outer.GetConn(addr)
	}
}

func (t *trace) gotConn(info httptrace.GotConnInfo) {
	t.got.Store(true)
	if t.outer != nil && t.outer.GotConn != nil {
		t.outer.GotConn(info)
	}
}

// neverSent reports whether the request certainly did not leave. It does not know if
// the transport is not that of net/http.
func (w *write) neverSent() bool {
	if w == nil {
		return false
	}
	t := w.trace.Load()
	return t != nil && t.wanted.Load() && !t.got.Load()
}
