package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
)

// rep is a sales rep with an account of their own. Only this program says which one.
type rep struct {
	name    string
	account closekit.Source // an API key; in a program with connected accounts, one of those
	key     string          // name of the variable that has the key; none in the emulator
}

// wrongKey says which variable is wrong, if that is what an error tells.
func (r rep) wrongKey(err error) string {
	if r.key == "" || !errors.Is(err, closekit.ErrUnauthorized) && !errors.Is(err, closekit.ErrForbidden) {
		return ""
	}
	return "; " + r.key + " must have an API key of " + r.name + " that Close knows"
}

// crm is where the reps have their accounts: Close, or the emulator.
type crm struct {
	about    string
	emulated bool
	reps     []rep
	options  []closekit.Option
	close    func() error
}

var repName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`) // it is part of names of files and variables

// openCRM takes Close if there are API keys, and the emulator otherwise.
func openCRM(ctx context.Context, names []string, getenv func(string) string) (*crm, error) {
	c := &crm{close: func() error { return nil }, options: []closekit.Option{closekit.HTTPClient(&http.Client{Transport: finishing{}, Timeout: time.Minute}), closekit.Location(time.Local)}}
	var missing []string
	for _, name := range names {
		if !repName.MatchString(name) {
			return nil, fmt.Errorf("-reps: %q is no name of a rep; use small letters, digits and _", name)
		}
		key := "CLOSE_API_KEY_" + strings.ToUpper(name)
		if getenv(key) == "" {
			missing = append(missing, key)
			continue
		}
		c.reps = append(c.reps, rep{name, closekit.APIKey(getenv(key)), key})
	}
	if url := getenv("CLOSE_BASE_URL"); url != "" {
		c.options = append(c.options, closekit.BaseURL(url))
	}
	c.about = "Close, with API keys"
	switch {
	case len(c.reps) == 0:
		return c, c.emulate(ctx, names)
	case len(missing) > 0:
		return nil, fmt.Errorf("every rep needs a key: set %s, or leave the rep out of -reps", strings.Join(missing, " and "))
	}
	return c, nil
}

// deals are what each rep has in the emulator.
var deals = [][]struct {
	company, contact, email string
	value                   closeapi.Cents
}{
	{{"Acme Corp", "Wile E. Coyote", "wile@acme.example", 20500_00}, {"Globex", "Hank Scorpio", "hank@globex.example", 12500_00}, {"Initech", "Bill Lumbergh", "bill@initech.example", 9000_00}},
	{{"Hooli", "Gavin Belson", "gavin@hooli.example", 48000_00}, {"Duff Brewery", "Duffman", "duffman@duff.example", 7500_00}},
}

// emulate starts a Close on this machine, with an organization for each rep. The ids of
// organizations are new every time: what was talked about, and what waits, in an emulated
// Close that is gone belongs to another account than those of this one.
func (c *crm) emulate(ctx context.Context, names []string) error {
	server := emulator.New(emulator.Options{Seed: 1})
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return fmt.Errorf("start the emulated Close: %w", err)
	}
	c.close, c.emulated = server.Close, true
	c.about = "an emulated Close, which starts anew with every start of this program"
	c.options = append(c.options, closekit.BaseURL(server.URL()))
	for i, name := range names {
		first := strings.ToUpper(name[:1]) + name[1:]
		org, err := server.AddOrganization(emulator.Organization{ID: "orga_" + rand.Text(), Name: first + "'s company"})
		if err != nil {
			return err
		}
		user, err := server.AddUser(emulator.User{ID: fmt.Sprintf("user_%dSalesAssistant", i+1), FirstName: first, LastName: "Example", Email: name + "@company.example", Organizations: []string{org.ID}})
		if err != nil {
			return err
		}
		account := closekit.APIKey(server.APIKeyOf(user.ID, org.ID))
		c.reps = append(c.reps, rep{name: name, account: account})
		if err := fill(ctx, closekit.NewClient(account, c.options...), i); err != nil {
			return fmt.Errorf("fill the emulated Close: %w", err)
		}
	}
	return nil
}

// fill makes the deals of a rep.
func fill(ctx context.Context, client *closekit.Client, of int) error {
	pipelines, err := closeapi.PipelinesList(ctx, client, closeapi.PipelinesListParams{})
	if err != nil {
		return err
	}
	for _, d := range deals[of%len(deals)] {
		lead, err := closeapi.LeadCreate(ctx, client, closeapi.LeadCreateParams{
			Name: d.company, Contacts: []closeapi.Contact{{Name: closekit.Some(d.contact), Emails: []closeapi.ContactEmail{{Email: d.email}}}},
		})
		if err != nil {
			return err
		}
		if _, err := closeapi.OpportunityCreate(ctx, client, closeapi.OpportunityCreateParams{
			LeadID: lead.ID, StatusID: pipelines.Data[0].Statuses[0].ID, Value: closekit.Some(d.value), ValuePeriod: closekit.Some(closeapi.ValuePeriodAnnual), Confidence: closekit.Some(60),
		}); err != nil {
			return err
		}
	}
	return nil
}

// finishing lets a request that has begun come to its end in spite of Ctrl-C, so that
// its outcome is known. Those that have not begun are not sent.
type finishing struct{}

func (finishing) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
}
