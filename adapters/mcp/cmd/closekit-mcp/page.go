package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	closemcp "github.com/closekit/closekit/adapters/mcp"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/approvalpage"
	"github.com/closekit/closekit/internal/tty"
)

// page is where the user decides on calls. Its address holds a secret: other programs
// of the computer, such as a model's shell, can reach the port. The secret is printed on
// a terminal only, because clients write the standard error of servers to logs, which
// a model's shell can read.
type page struct {
	listener net.Listener
	secret   string // the first part of the path
	server   *http.Server
	handler  http.Handler
	stderr   io.Writer
	terminal bool // stderr is one
	browse   bool // open the browser

	mu      sync.Mutex
	tickets map[string]string // paths that lead to the page once
}

// listenPage opens the port of a page on the loopback interface.
func listenPage(ctx context.Context, address string, browse bool, stderr io.Writer) (*page, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, usageError{fmt.Errorf("--page %s: the page is for the person at this computer; give an address such as 127.0.0.1:8766", address)}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--page: %w; choose another address, such as 127.0.0.1:0 for any free port", err)
	}
	return &page{listener: l, secret: "/" + rand.Text() + "/", stderr: stderr, terminal: tty.Is(stderr), browse: browse, tickets: map[string]string{}}, nil
}

// reaches reports whether the user finds the page if the client does not open it.
func (p *page) reaches() bool { return p.terminal || p.browse }

// serve serves the approvals of an agent.
func (p *page) serve(a *agent.Agent) error {
	var err error
	if p.handler, err = approvalpage.New(a, approvalpage.Config{Local: person(), Prefix: p.secret}); err != nil {
		return err
	}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	go func() { _ = p.server.Serve(p.listener) }() // ends with close
	switch {
	case p.terminal:
		fmt.Fprintln(p.stderr, "closekit-mcp: what waits for your decision is at", p.root()+p.secret)
	case !p.browse:
		fmt.Fprintln(p.stderr, "closekit-mcp: only clients that open pages show the one of --page, because its address is for no log; with --open-page, your browser opens it for other clients")
	}
	return nil
}

func (p *page) close() {
	if p.server != nil {
		_ = p.server.Close()
	}
	_ = p.listener.Close()
}

func (p *page) root() string { return "http://" + p.listener.Addr().String() }

// ServeHTTP serves the page, and at a ticket, once, leads there.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	to, ok := p.tickets[r.URL.Path]
	delete(p.tickets, r.URL.Path)
	p.mu.Unlock()
	if !ok {
		p.handler.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// link is the address of one question, for clients that open pages.
func (p *page) link(_ context.Context, _ closemcp.User, a *agent.Approval) (string, error) {
	return p.root() + p.secret + a.Question, nil
}

// notify tells the user of a client that shows nothing.
func (p *page) notify(ctx context.Context, _ closemcp.User, a *agent.Approval) {
	if p.terminal {
		fmt.Fprintln(p.stderr, "closekit-mcp: a call waits for your decision:", p.root()+p.secret+a.Question)
	}
	if !p.browse {
		return
	}
	// Every program of the computer can see the arguments of the browser.
	ticket := "/" + rand.Text()
	p.mu.Lock()
	p.tickets[ticket] = p.secret + a.Question
	p.mu.Unlock()
	go func() {
		if err := openBrowser(context.WithoutCancel(ctx), p.root()+ticket); err != nil {
			fmt.Fprintln(p.stderr, "closekit-mcp: a call waits for your decision, and your browser does not open:", err)
		}
	}()
}
