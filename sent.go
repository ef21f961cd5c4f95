package closekit

import (
	"bytes"
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// write is the sending of a request that may change data, with what proves that it
// never left: net/http wanted a connection and got none. The errors of net/http do
// not tell; that of a proxy that refuses the connection is only a text.
//
// It is also the context of the request, because [httptrace.WithClientTrace] would
// link reflection that no other part of a small program needs.
type write struct {
	sending
	context.Context
	key         any // of the trace in a context
	reader      bytes.Reader
	trace       httptrace.ClientTrace
	outer       *httptrace.ClientTrace // of the caller
	wanted, got atomic.Bool
}

// follow returns a context that tells w what becomes of the request.
func (w *write) follow(ctx context.Context) context.Context {
	w.Context = ctx
	w.outer = httptrace.ContextClientTrace(w) // calls Value with the key
	if w.outer != nil {
		w.trace = *w.outer
	}
	w.trace.GetConn, w.trace.GotConn = w.wantsConn, w.gotConn
	return w
}

// Value returns the trace for net/http, and else what the caller's context has.
func (w *write) Value(key any) any {
	switch w.key {
	case nil:
		w.key = key
	case key:
		return &w.trace
	}
	return w.Context.Value(key)
}

func (w *write) wantsConn(addr string) {
	w.wanted.Store(true)
	if w.outer != nil && w.outer.GetConn != nil {
		w.outer.GetConn(addr)
	}
}

func (w *write) gotConn(info httptrace.GotConnInfo) {
	w.got.Store(true)
	if w.outer != nil && w.outer.GotConn != nil {
		w.outer.GotConn(info)
	}
}

// neverSent reports whether the request certainly did not leave. It does not know if
// the transport is not that of net/http.
func (w *write) neverSent() bool { return w != nil && w.wanted.Load() && !w.got.Load() }
