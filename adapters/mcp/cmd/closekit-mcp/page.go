package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/approvalpage"
)

// page is where the user decides on calls. Its address holds a secret: other programs
// of the computer, such as a model's shell, can reach the port.
type page struct {
	listener net.Listener
	prefix   string
	server   *http.Server
	stderr   io.Writer
}

// listenPage opens the port of a page on the loopback interface.
func listenPage(ctx context.Context, address string, stderr io.Writer) (*page, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usageError{fmt.Errorf("--page %s: the page is for the person at this computer; give an address such as 127.0.0.1:8766", address)}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--page: %w; choose another address, such as 127.0.0.1:0 for any free port", err)
	}
	return &page{listener: l, prefix: "/" + rand.Text(), stderr: stderr}, nil
}

// serve serves the approvals of an agent.
func (p *page) serve(a *agent.Agent) error {
	h, err := approvalpage.New(a, approvalpage.Config{Local: person(), Prefix: p.prefix})
	if err != nil {
		return err
	}
	p.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	go func() { _ = p.server.Serve(p.listener) }() // ends with close
	fmt.Fprintln(p.stderr, "closekit-mcp: what waits for your decision is at", p.address())
	return nil
}

func (p *page) close() {
	if p.server != nil {
		_ = p.server.Close()
	}
	_ = p.listener.Close()
}

func (p *page) address() string { return "http://" + p.listener.Addr().String() + p.prefix + "/" }

// link is the address of one question, for clients that open pages.
func (p *page) link(_ context.Context, _ closemcp.User, a *agent.Approval) (string, error) {
	return p.address() + a.Question, nil
}

// notify tells the user of a client that opens no pages.
func (p *page) notify(_ context.Context, asked []*agent.Approval) {
	if len(asked) > 0 {
		fmt.Fprintln(p.stderr, "closekit-mcp: a call waits for your decision:", p.address()+asked[0].Question)
	}
}
