package closemcp

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/runtime/accounts"
)

// User is whom requests act for. The host makes it from what it has verified.
type User struct {
	// ID tells users apart, for good: two requests with the same ID are of the same
	// user. It is required.
	ID string
	// Name is who decides on approvals, for people and the audit. Default: ID.
	Name string
	// Account is the user's account of Close: an *accounts.Account, or any other
	// source. It is kept for the time of a session.
	Account closekit.Source
	// Consent returns a link to a page where the user connects the account. It is
	// given to the client for the user, never to the model. Nil means that the host
	// has another way.
	Consent func(context.Context) (string, error)
}

// Users tells whom a request acts for, by its verified token. The token is nil where
// the transport has none, as with standard input and output.
type Users func(ctx context.Context, token *auth.TokenInfo) (User, error)

// One returns the same user for all requests.
func One(u User) Users {
	return func(context.Context, *auth.TokenInfo) (User, error) { return u, nil }
}

// Accounts returns users with connected accounts. The function principal makes the
// principal from the verified token.
func Accounts(m *accounts.Manager, connection string, principal func(context.Context, *auth.TokenInfo) (accounts.Principal, error)) Users {
	return func(ctx context.Context, token *auth.TokenInfo) (User, error) {
		if token == nil {
			return User{}, errors.New("the request has no verified token")
		}
		p, err := principal(ctx, token)
		if err != nil {
			return User{}, err
		}
		a, err := m.Account(p, connection)
		if err != nil {
			return User{}, err
		}
		return User{
			ID:      hex.EncodeToString(p.Key(connection).Canonical()),
			Name:    p.Identifier(),
			Account: a,
			Consent: func(ctx context.Context) (string, error) {
				l, err := m.AuthorizationLink(ctx, p, connection)
				return l.URL, err
			},
		}, nil
	}
}

// userKey is where the HTTP handler keeps the user in a verified token, so that it is
// made once per request.
const userKey = "closekit.user"

// user returns whom a request acts for. The request itself has no say in it.
func (s *Server) user(ctx context.Context, extra *mcp.RequestExtra) (User, error) {
	var token *auth.TokenInfo
	if extra != nil {
		token = extra.TokenInfo
	}
	if token != nil {
		if u, ok := token.Extra[userKey].(User); ok {
			return u, nil
		}
	}
	return s.lookup(ctx, token)
}

func (s *Server) lookup(ctx context.Context, token *auth.TokenInfo) (User, error) {
	u, err := s.config.Users(ctx, token)
	if err != nil {
		return u, fmt.Errorf("finding the user of the request: %w", err)
	}
	if u.ID == "" {
		return u, errors.New("finding the user of the request: it has no ID")
	}
	if u.Name == "" {
		u.Name = u.ID
	}
	return u, nil
}

// run returns the run of a request: that of the MCP session; for clients of a revision
// without sessions, that of the user on the day. It is made of the user too, so that
// another user with the same session id has another run.
func (s *Server) run(u User, ss *mcp.ServerSession, extra *mcp.RequestExtra) string {
	session := s.local
	if extra != nil && extra.Header != nil {
		session = "day " + time.Now().UTC().Format(time.DateOnly)
	}
	if ss != nil && ss.ID() != "" {
		session = "session " + ss.ID()
	}
	return "run_" + digest(u.ID, session)[:32]
}

// digest is a hash of texts that no other texts have.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// session returns the session of a run. What it must remember is in the store of the
// agent: a session that is dropped costs a question to Close.
func (s *Server) session(u User, run string) *agent.Session {
	return s.runs.get(digest(u.ID, run), func() *agent.Session {
		return s.agent.Session(u.Account, agent.As(u.ID), agent.WithRun(run))
	})
}

// mostRuns is how many sessions are kept.
const mostRuns = 4096

// runs keeps the sessions that were used last.
type runs struct {
	mu    sync.Mutex
	most  int
	order *list.List // of *kept, the last used first
	byKey map[string]*list.Element
}

type kept struct {
	key     string
	session *agent.Session
}

func newRuns(most int) *runs {
	return &runs{most: most, order: list.New(), byKey: map[string]*list.Element{}}
}

func (r *runs) get(key string, open func() *agent.Session) *agent.Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.byKey[key]; ok {
		r.order.MoveToFront(e)
		return e.Value.(*kept).session
	}
	k := &kept{key, open()}
	r.byKey[key] = r.order.PushFront(k)
	if r.order.Len() > r.most {
		last := r.order.Back()
		r.order.Remove(last)
		delete(r.byKey, last.Value.(*kept).key)
	}
	return k.session
}

// quota counts the open MCP sessions of users.
type quota struct {
	mu   sync.Mutex
	most int // 0 means no bound
	open map[string]int
}

func newQuota() *quota { return &quota{open: map[string]int{}} }

func (q *quota) bound(most int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.most = most
}

func (q *quota) take(user string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.most > 0 && q.open[user] >= q.most {
		return false
	}
	q.open[user]++
	return true
}

func (q *quota) give(user string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.open[user]--; q.open[user] <= 0 {
		delete(q.open, user)
	}
}

// limitSessions refuses a new session of a user who has too many.
func (s *Server) limitSessions(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		ss, ok := req.GetSession().(*mcp.ServerSession)
		if method != "initialize" || !ok || ss.ID() == "" {
			return next(ctx, method, req)
		}
		u, err := s.user(ctx, req.GetExtra())
		if err != nil {
			return nil, err
		}
		if !s.open.take(u.ID) {
			return nil, errors.New(http.StatusText(http.StatusTooManyRequests) + ": close a session before you open another one")
		}
		go func() {
			_ = ss.Wait() // how the connection ended does not matter
			s.open.give(u.ID)
		}()
		return next(ctx, method, req)
	}
}
