package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
	"github.com/closekit/closekit/emulator"
	"github.com/closekit/closekit/runtime/accounts"
)

// connectionName is how this program calls its only connection. It is part of
// the paths of the consent pages and of the key of every account.
const connectionName = "close"

// crm is where accounts are connected: Close, or the emulator.
type crm struct {
	name       string // for people
	connection accounts.Connection
	options    []closekit.Option // for the clients of the API
	emulator   *emulator.Server  // nil with the real Close
}

// openCRM takes Close if there are credentials for it, and starts an emulator
// otherwise.
func openCRM(clientID, clientSecret, baseURL string) (*crm, error) {
	switch {
	case clientID == "" && clientSecret == "":
		return emulate(baseURL)
	case clientID == "" || clientSecret == "":
		return nil, errors.New("only one of CLOSE_CLIENT_ID and CLOSE_CLIENT_SECRET is set; Close needs both, the emulator none")
	}
	return &crm{name: "Close", connection: accounts.Connection{
		Name: connectionName, ClientID: clientID, ClientSecret: accounts.NewSecret(clientSecret), RedirectURL: redirectURL(baseURL),
	}}, nil
}

// redirectURL is what must be registered with Close.
func redirectURL(baseURL string) string {
	return baseURL + connectPath + "/" + connectionName + "/callback"
}

func (c *crm) close() {
	if c.emulator != nil {
		_ = c.emulator.Close() // it always returns nil
	}
}

// place is an organization at Close with one user and some leads. The ids are
// fixed, so that an account in a -db file still fits after a restart.
type place struct {
	organization emulator.Organization
	user         emulator.User
	leads        []string
}

var places = []place{
	{
		emulator.Organization{ID: "orga_1webappNorthwind", Name: "Northwind"},
		emulator.User{ID: "user_1webappAda", FirstName: "Ada", LastName: "Example", Email: "ada@northwind.example"},
		[]string{"Bluebird Bakery", "Harbour Cycles", "Maple & Sons"},
	},
	{
		emulator.Organization{ID: "orga_2webappGlobex", Name: "Globex"},
		emulator.User{ID: "user_2webappBob", FirstName: "Bob", LastName: "Sample", Email: "bob@globex.example"},
		[]string{"Orbital Freight", "Quartz Optics"},
	},
}

// emulate starts a Close on the local machine, with the places in it. It is as
// strict as the real one may be.
func emulate(baseURL string) (*crm, error) {
	server := emulator.New(emulator.Options{Strict: true, RevokeOnReuse: true, RedirectURLs: []string{redirectURL(baseURL)}})
	if err := server.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	c := &crm{
		name:     "the emulator at " + server.URL(),
		emulator: server,
		options:  []closekit.Option{closekit.BaseURL(server.URL())},
		connection: accounts.Connection{
			Name: connectionName, ClientID: server.ClientID(), ClientSecret: accounts.NewSecret(server.ClientSecret()),
			RedirectURL: redirectURL(baseURL), AuthorizeURL: server.AuthorizeURL(), TokenURL: server.TokenURL(), RevokeURL: server.RevokeURL(),
		},
	}
	// Only the users below are to be on the consent page.
	for _, u := range server.Users() {
		for _, o := range u.Organizations {
			server.RemoveUser(u.ID, o)
		}
	}
	for _, p := range places {
		if err := c.fill(p); err != nil {
			c.close()
			return nil, fmt.Errorf("fill the emulator: %w", err)
		}
	}
	return c, nil
}

func (c *crm) fill(p place) error {
	if _, err := c.emulator.AddOrganization(p.organization); err != nil {
		return err
	}
	p.user.Organizations = []string{p.organization.ID}
	if _, err := c.emulator.AddUser(p.user); err != nil {
		return err
	}
	client := closekit.NewClient(closekit.APIKey(c.emulator.APIKeyOf(p.user.ID, p.organization.ID)), c.options...)
	for _, name := range p.leads {
		if _, err := closeapi.LeadCreate(context.Background(), client, closeapi.LeadCreateParams{Name: name}); err != nil {
			return err
		}
	}
	return nil
}
