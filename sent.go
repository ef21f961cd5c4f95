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
type write struct {
	sending
	reader      bytes.Reader
	trace       httptrace.ClientTrace
	wanted, got atomic.Bool
}

func (w *write) follow(ctx context.Context) context.Context {
	w.trace.GetConn, w.trace.GotConn = w.wantsConn, w.gotConn
	return httptrace.WithClientTrace(ctx, &w.trace)
}

func (w *write) wantsConn(string) { w.wanted.Store(true) }

func (w *write) gotConn(httptrace.GotConnInfo) { w.got.Store(true) }

// neverSent reports whether the request certainly did not leave. It does not know if
// the transport is not that of net/http.
func (w *write) neverSent() bool { return w != nil && w.wanted.Load() && !w.got.Load() }
