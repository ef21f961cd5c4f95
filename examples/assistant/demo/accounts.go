package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/memstore"
)

func newManager(ctx context.Context, srv *emulator.Server, store accounts.Store, vault accounts.Vault) (*accounts.Manager, error) {
	return accounts.New(ctx, accounts.Config{
		Store: store, // here in memory; see sqlitestore and pgstore
		Vault: vault, // seals the tokens; see the package vault
		Connections: []accounts.Connection{{
			Name:         connection,
			ClientID:     srv.ClientID(),
			ClientSecret: accounts.NewSecret(srv.ClientSecret()),
			RedirectURL:  "https://app.example/callback",
			AuthorizeURL: srv.AuthorizeURL(), // the emulator's, instead of Close's
			TokenURL:     srv.TokenURL(),
			RevokeURL:    srv.RevokeURL(),
		}},
	})
}

func connect(ctx context.Context, m *accounts.Manager, user accounts.Principal, browser func(url string) (string, error)) (accounts.Info, error) {
	flow, err := m.PasteLocal(ctx, user, connection)
	if err != nil {
		return accounts.Info{}, err
	}
	defer func() { _ = flow.Close() }()
	back, err := browser(flow.URL()) // the user presses Allow, and Close redirects the browser
	if err != nil {
		return accounts.Info{}, err
	}
	return flow.Finish(ctx, back)
}

func clientOf(m *accounts.Manager, user accounts.Principal, opts []closekit.Option) (*closekit.Client, error) {
	account, err := m.Account(user, connection) // a handle that can only act as this user
	if err != nil {
		return nil, err
	}
	return closekit.NewClient(account, opts...), nil
}

func leadsOf(ctx context.Context, c *closekit.Client) ([]closeapi.Lead, error) {
	page, err := closeapi.LeadsList(ctx, c, closeapi.LeadsListParams{})
	if err != nil {
		return nil, err
	}
	return page.Data, nil
}

// connection names the OAuth application in the program.
const connection = "close"

// reps is the second act: two users of one program, each with a Close account
// of their own. The tokens are real ones of the emulator's OAuth server.
type reps struct {
	*demo
	m        *accounts.Manager
	store    accounts.Store
	ada, bob *rep
}

// rep is one of them.
type rep struct {
	name    string
	user    accounts.Principal
	at      emulator.User
	org     emulator.Organization
	company string // of the lead that the rep creates
	client  *closekit.Client
}

func (d *demo) secondAct(ctx context.Context, opts []closekit.Option) (err error) {
	d.begin("Make a manager of connected accounts")
	d.source(accountsSource, "newManager")
	vault, err := newVault()
	if err != nil {
		return err
	}
	store := memstore.New()
	m, err := newManager(ctx, d.srv, store, vault)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close(context.WithoutCancel(ctx))) }()
	r := &reps{demo: d, m: m, store: store}
	if err := r.cast(opts); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.connectBoth, r.workApart, r.outliveTokens, r.loseAccess, r.connectAgain} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// cast puts two reps into two organizations.
func (r *reps) cast(opts []closekit.Option) error {
	r.source(accountsSource, "clientOf")
	user, org := r.srv.Users()[0], r.srv.Organizations()[0]
	other, err := r.srv.AddOrganization(emulator.Organization{Name: "Globex"})
	if err != nil {
		return fmt.Errorf("prepare the emulator: %w", err)
	}
	second, err := r.srv.AddUser(emulator.User{FirstName: "Bob", LastName: "Demo", Email: "bob@globex.example", Organizations: []string{other.ID}})
	if err != nil {
		return fmt.Errorf("prepare the emulator: %w", err)
	}
	r.ada = &rep{name: user.FirstName, at: user, org: org, company: "Roadrunner Supplies"}
	r.bob = &rep{name: second.FirstName, at: second, org: other, company: "Hammock Hub"}
	for _, one := range []*rep{r.ada, r.bob} {
		if one.user, err = accounts.NewPrincipal("demo", one.name); err != nil {
			return err
		}
		if one.client, err = clientOf(r.m, one.user, opts); err != nil {
			return err
		}
	}
	return nil
}

func (r *reps) connectBoth(ctx context.Context) error {
	r.begin("%s and %s connect their Close accounts", r.ada.name, r.bob.name)
	for _, one := range []*rep{r.ada, r.bob} {
		if err := r.connect(ctx, one); err != nil {
			return err
		}
	}
	return r.checkSealed(ctx)
}

// connect leads a rep through the consent.
func (r *reps) connect(ctx context.Context, one *rep) error {
	r.source(accountsSource, "connect")
	info, err := connect(ctx, r.m, one.user, func(url string) (string, error) {
		r.result("%s opens %s… and presses Allow", one.name, r.srv.AuthorizeURL())
		return r.srv.Allow(url, one.at.ID, one.org.ID)
	})
	if err != nil {
		return err
	}
	r.result("%s is %s, as %s %s in %s", one.name, info.State, one.at.FirstName, one.at.LastName, one.org.Name)
	return errors.Join(
		differs("the state", info.State, accounts.Active), differs("the user", info.UserID, one.at.ID),
		differs("the organization", info.OrganizationID, one.org.ID),
	)
}

// tokenPattern matches the tokens of the emulator.
var tokenPattern = regexp.MustCompile(`(access|refresh)\.[A-Za-z0-9]{40}`)

// checkSealed looks for tokens in the store.
func (r *reps) checkSealed(ctx context.Context) error {
	records, err := r.store.List(ctx, accounts.ListFilter{})
	if err != nil {
		return err
	}
	if err := differs("the number of stored accounts", len(records), 2); err != nil {
		return err
	}
	for i := range records {
		if len(records[i].Tokens.Blob) == 0 {
			return fmt.Errorf("the store holds no tokens of the user %s", records[i].UserID)
		}
		if tokenPattern.Match(records[i].Tokens.Blob) {
			return fmt.Errorf("the store holds a token of the user %s in the clear", records[i].UserID)
		}
	}
	r.ok("the store holds both accounts, and no token in the clear")
	return nil
}

func (r *reps) workApart(ctx context.Context) error {
	r.begin("Each creates a lead, and lists all leads")
	for _, one := range []*rep{r.ada, r.bob} {
		if err := r.createLead(ctx, one); err != nil {
			return err
		}
	}
	for _, one := range []*rep{r.ada, r.bob} {
		if err := r.listLeads(ctx, one); err != nil {
			return err
		}
	}
	r.ok("each sees the lead of their own organization, and not the other one")
	return nil
}

func (r *reps) createLead(ctx context.Context, one *rep) error {
	lead, err := closeapi.LeadCreate(ctx, one.client, closeapi.LeadCreateParams{Name: one.company})
	if err != nil {
		return err
	}
	r.result("%s creates %q", one.name, one.company)
	for _, o := range r.srv.Objects("leads") {
		if o["id"] == string(lead.ID) {
			return errors.Join(differs("the organization of the lead", o["organization_id"], one.org.ID), differs("who created the lead", o["created_by"], one.at.ID))
		}
	}
	return fmt.Errorf("the emulator does not hold the lead %s", lead.ID)
}

// listLeads lists the leads that a rep can see, which must be their own.
func (r *reps) listLeads(ctx context.Context, one *rep) error {
	r.source(accountsSource, "leadsOf")
	leads, err := leadsOf(ctx, one.client)
	if err != nil {
		return err
	}
	var names []string
	for i := range leads {
		names = append(names, leads[i].DisplayName)
	}
	r.result("%s sees %q", one.name, names)
	return differs("what "+one.name+" sees", names, []string{one.company})
}

// outliveTokens lists leads with a token that has expired.
func (r *reps) outliveTokens(ctx context.Context) error {
	r.begin("An hour passes at Close, and the access tokens expire")
	r.srv.Advance(time.Hour + time.Minute)
	before := len(r.srv.Requests())
	if err := r.listLeads(ctx, r.ada); err != nil {
		return err
	}
	var statuses []int
	for _, q := range r.srv.Requests()[before:] {
		statuses = append(statuses, q.Status)
	}
	stats := r.srv.OAuthStats()
	if err := errors.Join(
		differs("the list of statuses", statuses, []int{http.StatusUnauthorized, http.StatusOK, http.StatusOK}), // refused, renewed, repeated
		r.checkAccount(ctx, r.ada, accounts.Active, "", 2), differs("the number of renewals", stats.Refreshes, 1),
		differs("the number of refresh tokens that were used twice", stats.SpentReuses, 0),
	); err != nil {
		return err
	}
	r.ok("Close refused the old token (401), issued a new one, and accepted the same call with it")
	return nil
}

func (r *reps) loseAccess(ctx context.Context) error {
	ada, bob := r.ada, r.bob
	r.begin("%s revokes the access in Close", bob.name)
	r.result("Close ends the grant of %s", bob.name)
	if err := differs("the number of grants", r.srv.RevokeGrant(bob.at.ID, bob.org.ID), 1); err != nil {
		return err
	}
	if err := r.needsUser(ctx, bob); err != nil {
		return err
	}
	if err := r.listLeads(ctx, ada); err != nil {
		return err
	}
	if err := r.checkAccount(ctx, ada, accounts.Active, "", 2); err != nil {
		return err
	}
	r.ok("%s goes on as before", ada.name)
	return nil
}

// needsUser makes a call as a rep who revoked the access.
func (r *reps) needsUser(ctx context.Context, one *rep) error {
	r.source(accountsSource, "leadsOf")
	_, err := leadsOf(ctx, one.client)
	var required *accounts.AuthorizationRequiredError
	if !errors.As(err, &required) {
		return fmt.Errorf("the call of %s returned %w instead of an AuthorizationRequiredError", one.name, cmp.Or(err, errors.New("no error")))
	}
	r.result("error: %v", err)
	if err := r.checkAccount(ctx, one, accounts.Revoked, accounts.InvalidGrant, 1); err != nil {
		return err
	}
	events, err := r.m.Events(ctx, accounts.EventFilter{Tenant: one.user.Tenant(), Identifier: one.user.Identifier()})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(events, func(e accounts.Event) bool { return e.Type == accounts.EventReauthorization })
	if at < 0 {
		return fmt.Errorf("no event says that %s must connect again", one.name)
	}
	event := events[at]
	r.result("event: %s, %s -> %s, %s", event.Type, event.From, event.To, event.Reason)
	if err := errors.Join(
		differs("the state before", event.From, accounts.Active), differs("the state after", event.To, accounts.Revoked),
		differs("the action for the user", required.UserAction(), accounts.Reconnect),
	); err != nil {
		return err
	}
	r.ok("the error, the account and an event say that %s must connect again", one.name)
	return nil
}

func (r *reps) connectAgain(ctx context.Context) error {
	bob := r.bob
	r.begin("%s allows the access again", bob.name)
	if err := r.connect(ctx, bob); err != nil {
		return err
	}
	if err := r.listLeads(ctx, bob); err != nil {
		return err
	}
	if err := r.checkAccount(ctx, bob, accounts.Active, "", 2); err != nil {
		return err
	}
	r.ok("%s's client from before works again, without a restart", bob.name)
	return nil
}

func (r *reps) checkAccount(ctx context.Context, one *rep, state accounts.State, reason accounts.Reason, generation int64) error {
	info, err := r.m.Get(ctx, one.user, connection)
	if err != nil {
		return err
	}
	return errors.Join(
		differs("the state of "+one.name, info.State, state), differs("the reason", info.Reason, reason),
		differs("the generation of the tokens of "+one.name, info.Generation, generation),
	)
}
