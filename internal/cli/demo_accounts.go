package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// reps is the second act: two users of one program, each with a Close account
// of their own. The tokens are real ones of the emulator's OAuth server.
type reps struct {
	*demo
	m    *accounts.Manager
	dir  string
	opts []closekit.Option
}

// rep is one of them.
type rep struct {
	name    string
	who     accounts.Principal
	user    emulator.User
	org     emulator.Organization
	company string // of the lead
	client  *closekit.Client
}

// secondAct plays the second act, with a database in a folder that is removed.
func (d *demo) secondAct(ctx context.Context, opts []closekit.Option) (err error) {
	d.srv.Reset()
	dir, err := os.MkdirTemp("", "closekit-demo-")
	if err != nil {
		return fmt.Errorf("make a folder for the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	d.begin("Make a key and a database for the tokens")
	d.code("key, err := vault.Keygen()")
	key, err := vault.Keygen()
	if err != nil {
		return err
	}
	d.code("v, err := vault.Open(key)")
	v, err := vault.Open(key)
	if err != nil {
		return err
	}
	d.code("store, err := sqlitestore.Open(\"accounts.db\")")
	store, err := sqlitestore.Open(filepath.Join(dir, "accounts.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	d.code("m, err := accounts.New(ctx, accounts.Config{Store: store, Vault: v, Connections: …})")
	m, err := accounts.New(ctx, accounts.Config{Store: store, Vault: v, StateDir: filepath.Join(dir, "state"), Connections: []accounts.Connection{{
		Name: defaultConnection, ClientID: d.srv.ClientID(), ClientSecret: accounts.NewSecret(d.srv.ClientSecret()),
		RedirectURL: "https://app.example/callback", AuthorizeURL: d.srv.AuthorizeURL(), TokenURL: d.srv.TokenURL(), RevokeURL: d.srv.RevokeURL(),
	}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close(context.WithoutCancel(ctx))) }()
	d.result("in a folder of its own, which is removed at the end")
	return (&reps{d, m, dir, opts}).play(ctx)
}

func (r *reps) play(ctx context.Context) error {
	ada, bob, err := r.cast()
	if err != nil {
		return err
	}

	r.begin("%s and %s connect their Close accounts", ada.name, bob.name)
	for _, one := range []*rep{ada, bob} {
		if err := r.connect(ctx, one); err != nil {
			return err
		}
	}
	if err := r.checkSealed(ada, bob); err != nil {
		return err
	}

	r.begin("Each creates a lead, and lists all leads")
	for _, one := range []*rep{ada, bob} {
		if err := r.createLead(ctx, one); err != nil {
			return err
		}
	}
	for _, one := range []*rep{ada, bob} {
		if err := r.listLeads(ctx, one); err != nil {
			return err
		}
	}
	r.ok("each sees the lead of their own organization, and not the other one")

	r.begin("An hour passes at Close, and the access tokens end")
	r.srv.Advance(time.Hour + time.Minute)
	if err := r.listAfterAnHour(ctx, ada); err != nil {
		return err
	}

	r.begin("%s takes the access away in Close", bob.name)
	r.result("Close ends the grant of %s", bob.name)
	if err := differs("the number of grants", r.srv.RevokeGrant(bob.user.ID, bob.org.ID), 1); err != nil {
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

// cast puts two reps into two organizations.
func (r *reps) cast() (ada, bob *rep, err error) {
	user, org := r.srv.Users()[0], r.srv.Organizations()[0]
	other, err := r.srv.AddOrganization(emulator.Organization{Name: "Globex"})
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the emulator: %w", err)
	}
	second, err := r.srv.AddUser(emulator.User{FirstName: "Bob", LastName: "Demo", Email: "bob@globex.example", Organizations: []string{other.ID}})
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the emulator: %w", err)
	}
	ada = &rep{name: user.FirstName, user: user, org: org, company: "Roadrunner Supplies"}
	bob = &rep{name: second.FirstName, user: second, org: other, company: "Hammock Hub"}
	for _, one := range []*rep{ada, bob} {
		if one.who, err = accounts.NewPrincipal("demo", one.name); err != nil {
			return nil, nil, err
		}
		account, err := r.m.Account(one.who, defaultConnection)
		if err != nil {
			return nil, nil, err
		}
		one.client = closekit.NewClient(account, r.opts...)
	}
	return ada, bob, nil
}

// connect leads a rep through the consent.
func (r *reps) connect(ctx context.Context, one *rep) error {
	r.code("flow, err := m.PasteLocal(ctx, %s, %q)", one.name, defaultConnection)
	flow, err := r.m.PasteLocal(ctx, one.who, defaultConnection)
	if err != nil {
		return err
	}
	defer flow.Close() //nolint:errcheck // it holds nothing
	r.result("%s opens %s… and presses Allow", one.name, r.srv.AuthorizeURL())
	back, err := r.srv.Allow(flow.URL(), one.user.ID, one.org.ID)
	if err != nil {
		return err
	}
	r.code("info, err := flow.Finish(ctx, \"https://app.example/callback?code=…&state=…\")")
	info, err := flow.Finish(ctx, back)
	if err != nil {
		return err
	}
	r.result("%s is %s, as %s %s in %s", one.name, info.State, one.user.FirstName, one.user.LastName, one.org.Name)
	return errors.Join(
		differs("the state", info.State, accounts.Active), differs("the user", info.UserID, one.user.ID),
		differs("the organization", info.OrganizationID, one.org.ID),
	)
}

// token is what tokens of the emulator look like.
var token = regexp.MustCompile(`(access|refresh)\.[A-Za-z0-9]{40}`)

// checkSealed looks for tokens on the disk. It makes sure that it looks at the
// right files by looking for what must be there too.
func (r *reps) checkSealed(all ...*rep) error {
	var found []byte
	err := filepath.WalkDir(r.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // below the folder of the demo
		found = append(found, data...)
		return err
	})
	if err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	for _, one := range all {
		if !bytes.Contains(found, []byte(one.user.ID)) {
			return fmt.Errorf("the database does not hold the account of %s", one.name)
		}
	}
	if token.Match(found) || bytes.Contains(found, []byte(r.srv.ClientSecret())) {
		return errors.New("the database holds a token or the client secret in the clear")
	}
	r.ok("the database holds both accounts, and no token in the clear")
	return nil
}

func (r *reps) createLead(ctx context.Context, one *rep) error {
	r.code("closeapi.LeadCreate(ctx, %s, closeapi.LeadCreateParams{Name: %q})", one.name, one.company)
	lead, err := closeapi.LeadCreate(ctx, one.client, closeapi.LeadCreateParams{Name: one.company})
	if err != nil {
		return err
	}
	for _, o := range r.srv.Objects("leads") {
		if o["id"] == string(lead.ID) {
			return errors.Join(differs("the organization of the lead", o["organization_id"], one.org.ID), differs("who created the lead", o["created_by"], one.user.ID))
		}
	}
	return fmt.Errorf("the emulator does not hold the lead %s", lead.ID)
}

// listLeads lists the leads that a rep can see, which must be their own.
func (r *reps) listLeads(ctx context.Context, one *rep) error {
	r.code("closeapi.LeadsList(ctx, %s, closeapi.LeadsListParams{})", one.name)
	page, err := closeapi.LeadsList(ctx, one.client, closeapi.LeadsListParams{})
	if err != nil {
		return err
	}
	var names []string
	for i := range page.Data {
		names = append(names, page.Data[i].DisplayName)
	}
	r.result("%s sees %q", one.name, names)
	return differs("what "+one.name+" sees", names, []string{one.company})
}

// listAfterAnHour lists leads with a token that has ended, and shows how that
// works all the same.
func (r *reps) listAfterAnHour(ctx context.Context, one *rep) error {
	before := len(r.srv.Requests())
	if err := r.listLeads(ctx, one); err != nil {
		return err
	}
	var statuses []int
	for _, q := range r.srv.Requests()[before:] {
		statuses = append(statuses, q.Status)
	}
	if want := []int{http.StatusUnauthorized, http.StatusOK, http.StatusOK}; !slices.Equal(statuses, want) {
		return fmt.Errorf("Close answered with %v and should with %v: refused, renewed, done", statuses, want) //nolint:staticcheck // a name
	}
	stats := r.srv.OAuthStats()
	if err := errors.Join(
		r.checkAccount(ctx, one, accounts.Active, "", 2), differs("the number of renewals", stats.Refreshes, 1),
		differs("the number of refresh tokens that were used twice", stats.SpentReuses, 0),
	); err != nil {
		return err
	}
	r.ok("Close refused the old token (401), gave a new one, and answered the same call with it")
	return nil
}

// needsUser makes a call as a rep whose access was taken away.
func (r *reps) needsUser(ctx context.Context, one *rep) error {
	r.code("closeapi.LeadsList(ctx, %s, closeapi.LeadsListParams{})", one.name)
	_, err := closeapi.LeadsList(ctx, one.client, closeapi.LeadsListParams{})
	var required *accounts.AuthorizationRequiredError
	if !errors.As(err, &required) {
		return fmt.Errorf("the call of %s gave %w instead of an AuthorizationRequiredError", one.name, cmp.Or(err, errors.New("an answer")))
	}
	r.result("error: %v", err)
	if err := r.checkAccount(ctx, one, accounts.Revoked, accounts.InvalidGrant, 1); err != nil {
		return err
	}
	events, err := r.m.Events(ctx, accounts.EventFilter{Tenant: one.who.Tenant(), Identifier: one.who.Identifier()})
	if err != nil {
		return err
	}
	last := events[len(events)-1] // that it was connected is among them
	r.result("event: %s, %s -> %s, %s", last.Type, last.From, last.To, last.Reason)
	if err := errors.Join(
		differs("the event", last.Type, accounts.EventReauthorization), differs("the state before", last.From, accounts.Active),
		differs("the state after", last.To, accounts.Revoked), differs("what somebody can do", required.UserAction(), accounts.Reconnect),
	); err != nil {
		return err
	}
	r.ok("the error, the account and an event say that %s must connect again", one.name)
	return nil
}

func (r *reps) checkAccount(ctx context.Context, one *rep, state accounts.State, reason accounts.Reason, generation int64) error {
	info, err := r.m.Get(ctx, one.who, defaultConnection)
	if err != nil {
		return err
	}
	return errors.Join(
		differs("the state of "+one.name, info.State, state), differs("the reason", info.Reason, reason),
		differs("the generation of the tokens of "+one.name, info.Generation, generation),
	)
}
