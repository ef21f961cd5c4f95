package agent

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent/internal/preview"
	"github.com/closekit/closekit/agent/internal/tool"
)

// Account is whom a session acts as.
type Account struct {
	// Name is the host's name of the account. An account of package accounts has
	// one; see [As].
	Name string
	// UserID and OrganizationID are Close's, by GET /me/.
	UserID         string
	OrganizationID string
	// Title says for people who that is in Close: Ada Example, Example Inc. It tells no
	// accounts apart, and is empty if Close was not asked.
	Title string
}

// same reports whether two accounts are one, whatever it is called now.
func (a Account) same(b Account) bool {
	a.Title, b.Title = "", ""
	return a == b
}

// Session is one account in one run. It is safe for concurrent use.
type Session struct {
	agent  *Agent
	name   string
	run    string
	client *closekit.Client // with the guard
	bare   *closekit.Client // for what the session itself reads

	outsideKey string // of the counter that remembers outside

	mu      sync.Mutex
	me      *profile
	things  map[string]keptThings // what names may stand for, by kind
	begun   map[string]struct{}   // what would create something again: under way, or made
	outside bool                  // text of outsiders was read, and the store knows it
}

// SessionOption configures a session. The zero value has no effect.
type SessionOption struct{ apply func(*Session) }

// WithRun goes on with a run, such as after a restart: its counts, its approvals, and
// whether it has read text of outsiders. Default: a new run.
func WithRun(id string) SessionOption {
	return SessionOption{func(s *Session) { s.run = id }}
}

// As names the account for approvals, limits and the audit, in the words of the host:
// two sessions with the same name are the same account. It is needed for sources that
// are not accounts of package accounts, if several of them share a store.
func As(name string) SessionOption {
	return SessionOption{func(s *Session) { s.name = name }}
}

// named is implemented by accounts.
type named interface{ AccountName() string }

// Session returns a session that acts as account, which is an *accounts.Account or
// any other source. Nothing is read from Close yet.
func (a *Agent) Session(account closekit.Source, opts ...SessionOption) *Session {
	s := &Session{agent: a, run: "run_" + rand.Text()[:16]}
	if n, ok := account.(named); ok {
		s.name = n.AccountName()
	}
	for _, o := range opts {
		if o.apply != nil {
			o.apply(s)
		}
	}
	s.outsideKey = counterKey("outside", s.run)
	if account == nil {
		account = noAccount{}
	}
	s.bare = a.base.With(account)
	s.client = s.bare.With(nil, closekit.WithGuard(s.guard))
	return s
}

// noAccount is the source of a session without an account.
type noAccount struct{}

func (noAccount) Credential(context.Context) (closekit.Credential, error) {
	return closekit.Credential{}, errors.New("the session has no account")
}

// Run returns the id of the run.
func (s *Session) Run() string { return s.run }

// Client returns a client of the session's account for the host's own code. Its calls
// meet the policy of the agent: one that needs the approval of a person, or is denied,
// is a [*PolicyError], and nothing is sent.
func (s *Session) Client() *closekit.Client { return s.client }

// profile is what /me/ tells.
type profile struct {
	UserID        string `json:"id"`
	FirstName     string `json:"first_name"`
	LastName      string `json:"last_name"`
	Email         string `json:"email"`
	Zone          string `json:"last_used_timezone"`
	Organizations []struct {
		ID                  string   `json:"id"`
		Name                string   `json:"name"`
		Currency            string   `json:"currency"`
		LeadStatuses        []status `json:"lead_statuses"`
		OpportunityStatuses []status `json:"opportunity_statuses"`
		Pipelines           []struct {
			Statuses []status `json:"statuses"`
		} `json:"pipelines"`
	} `json:"organizations"`

	account Account // without a name; every call needs it
}

// status is a status of leads or opportunities.
type status struct {
	Label string `json:"label"`
	Type  string `json:"type"`
}

// organization returns the id of the organization. Close does not tell which one a
// credential is for; the ids of several are joined.
func (p *profile) organization() string {
	var ids []string
	for _, o := range p.Organizations {
		ids = append(ids, o.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, "+")
}

// title returns what people call the user and the organization, or the organizations.
func (p *profile) title() string {
	line := func(names ...string) string {
		text, _ := preview.Visible(strings.Join(strings.Fields(cmp.Or(names...)), " "))
		text, _ = preview.Cut(text, 80)
		return text
	}
	var organizations []string
	for _, o := range p.Organizations {
		organizations = append(organizations, line(o.Name, o.ID))
	}
	return line(strings.TrimSpace(p.FirstName+" "+p.LastName), p.Email, p.UserID) + ", " + strings.Join(organizations, " or ")
}

// currency returns the currency, or "" if organizations have different ones.
func (p *profile) currency() string {
	code := ""
	for i, o := range p.Organizations {
		if i > 0 && o.Currency != code {
			return ""
		}
		code = o.Currency
	}
	return code
}

// whoami asks Close who the account is; the answer is kept unless fresh is true.
func (s *Session) whoami(ctx context.Context, fresh bool) (*profile, error) {
	s.mu.Lock()
	me := s.me
	s.mu.Unlock()
	if me != nil && !fresh {
		return me, nil
	}
	me = &profile{}
	err := s.bare.Do(ctx, closekit.Request{Method: "GET", Path: "/me/"}, func(r closekit.Response) error {
		return json.Unmarshal(r.Body, me)
	})
	if err != nil {
		return nil, fmt.Errorf("asking Close whose account it is: %w", err)
	}
	if me.UserID == "" || len(me.Organizations) == 0 {
		return nil, errors.New("asking Close whose account it is: the answer names no user or no organization")
	}
	me.account = Account{UserID: me.UserID, OrganizationID: me.organization(), Title: me.title()}
	s.mu.Lock()
	s.me = me
	s.mu.Unlock()
	return me, nil
}

// account returns whom the session acts as.
func (s *Session) account(ctx context.Context, fresh bool) (Account, error) {
	me, err := s.whoami(ctx, fresh)
	if err != nil {
		return Account{Name: s.name}, err
	}
	a := me.account
	if a.Name = s.name; a.Name == "" {
		a.Name = a.UserID + "@" + a.OrganizationID
	}
	return a, nil
}

// zone returns the time zone of the user, or nil.
func (s *Session) zone(ctx context.Context) *time.Location {
	if l := s.client.Location(); l != nil {
		return l
	}
	me, err := s.whoami(ctx, false)
	if err != nil || me.Zone == "" {
		return nil
	}
	l, err := time.LoadLocation(me.Zone)
	if err != nil {
		return nil
	}
	return l
}

// undoing marks the context of the calls of an undo. A person asks for one: it may use
// tools that the model does not have.
type undoing struct{}

// toolFor returns a tool that a call may use.
func (s *Session) toolFor(ctx context.Context, name string) (*tool.Tool, error) {
	if t := s.agent.all[name]; t != nil && ctx.Value(undoing{}) != nil {
		return t, nil
	}
	return s.tool(name)
}

// tool returns a tool that the model may use.
func (s *Session) tool(name string) (*tool.Tool, error) {
	if t := s.agent.byTag[name]; t != nil {
		return t, nil
	}
	if s.agent.all[name] != nil {
		return nil, &NotOfferedError{name}
	}
	_, err := s.agent.catalog.Lookup(name)
	var unknown *closekit.UnknownToolError
	if errors.As(err, &unknown) {
		offered := func(n string) bool { return s.agent.byTag[n] != nil }
		all := slices.DeleteFunc(append([]string{unknown.Nearest}, unknown.Others...), func(n string) bool { return !offered(n) })
		e := &closekit.UnknownToolError{Name: name}
		if len(all) > 0 {
			e.Nearest, e.Others = all[0], all[1:]
		}
		return nil, e
	}
	return nil, err
}

// NotOfferedError reports a tool that exists and that the agent does not have.
type NotOfferedError struct{ Tool string }

// Error names the tool.
func (e *NotOfferedError) Error() string {
	return "the tool " + e.Tool + " is not available here; tell the user instead of doing something else"
}

// Outside reports whether the run has read text that people outside the organization
// may have written. A run can have several sessions, so that only a yes is remembered.
func (s *Session) Outside(ctx context.Context) (bool, error) {
	s.mu.Lock()
	outside := s.outside
	s.mu.Unlock()
	if outside {
		return true, nil
	}
	n, err := s.agent.store.Count(ctx, s.outsideKey)
	if err != nil {
		return false, fmt.Errorf("reading the state of the run: %w", err)
	}
	if n > 0 {
		s.setOutside()
	}
	return n > 0, nil
}

func (s *Session) setOutside() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outside = true
}

// sawOutside remembers that text of outsiders was read, before the model sees it.
func (s *Session) sawOutside(ctx context.Context, account Account) error {
	s.mu.Lock()
	seen := s.outside
	s.mu.Unlock()
	if seen {
		return nil
	}
	_, err := s.agent.store.Spend(context.WithoutCancel(ctx), []Spend{{Key: s.outsideKey, Account: account.Name, Amount: 1, Most: -1, Ends: s.agent.now().Add(runsEnd)}})
	if err == nil {
		s.setOutside()
	}
	return err
}

// runsEnd is how long a run is remembered.
const runsEnd = 30 * 24 * time.Hour
