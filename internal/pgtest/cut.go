package pgtest

import (
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// Cut says when a [Cutter] cuts a connection.
type Cut int32

// The cuts.
const (
	NoCut     Cut = iota
	BeforeCut     // the statement does not reach the server
	AfterCut      // the server runs the statement, its response is lost
)

// Cutter stands between clients and a server, and cuts the connection of one
// statement when it is told to.
type Cutter struct {
	to    string
	match string
	next  atomic.Int32
	cuts  atomic.Int32
}

// NewCutter starts a Cutter that looks for statements with a text in them. It
// returns the URL of the database through the Cutter.
func NewCutter(tb testing.TB, url, match string) (*Cutter, string) {
	tb.Helper()
	before, rest, _ := strings.Cut(url, "@")
	addr, after, _ := strings.Cut(rest, "/")
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	ctx := context.WithoutCancel(tb.Context())
	c := &Cutter{to: addr, match: match}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go c.serve(ctx, client)
		}
	}()
	return c, before + "@" + l.Addr().String() + "/" + after
}

// Next makes the next matching statement be cut.
func (c *Cutter) Next(how Cut) { c.next.Store(int32(how)) }

// Cuts reports how many statements were cut.
func (c *Cutter) Cuts() int { return int(c.cuts.Load()) }

func (c *Cutter) serve(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.to)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var doomed atomic.Bool
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, err := client.Read(b)
			if strings.Contains(string(b[:n]), c.match) {
				switch {
				case c.next.CompareAndSwap(int32(BeforeCut), int32(NoCut)):
					c.cuts.Add(1)
					_ = client.Close()
					_ = server.Close()
					return
				case c.next.CompareAndSwap(int32(AfterCut), int32(NoCut)):
					c.cuts.Add(1)
					doomed.Store(true)
				}
			}
			if _, werr := server.Write(b[:n]); err != nil || werr != nil {
				_ = server.Close()
				return
			}
		}
	}()
	b := make([]byte, 64<<10)
	for {
		n, err := server.Read(b)
		if doomed.Load() || err != nil {
			return // the response is there, and is lost
		}
		if _, err := client.Write(b[:n]); err != nil {
			return
		}
	}
}
