package accounts

import (
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
)

// TestTwoOrganizations connects one user to two organizations of Close, through
// two connections to the same application.
func TestTwoOrganizations(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		orgs := map[string]oauthtest.Identity{
			conName:      {User: "user_ada", Organization: "orga_emea"},
			"close-amer": {User: "user_ada", Organization: "orga_amer"},
		}
		accounts := map[string]*Account{}
		for connection, as := range orgs {
			f, err := w.m.PasteLocal(w.Context(), user("ada"), connection)
			if err != nil {
				w.Fatal(err)
			}
			info, err := f.Finish(w.Context(), w.consent(f.URL(), as))
			if err != nil || info.OrganizationID != as.Organization {
				w.Fatalf("%s is bound to %q: %v", connection, info.OrganizationID, err)
			}
			if accounts[connection], err = w.m.Account(user("ada"), connection); err != nil {
				w.Fatal(err)
			}
		}
		check := func(connection string) {
			w.Helper()
			cred, err := accounts[connection].Credential(w.Context())
			if err != nil {
				w.Fatal(err)
			}
			if as, alive := w.whose(cred); as != orgs[connection] || !alive {
				w.Errorf("%s acts as %+v, %v", connection, as, alive)
			}
		}
		for range 3 { // also after renewals
			check(conName)
			check("close-amer")
			time.Sleep(time.Hour)
		}
		if _, err := w.m.Disconnect(w.Context(), user("ada"), conName, HostDisconnect); err != nil {
			w.Fatal(err)
		}
		if _, err := accounts[conName].Credential(w.Context()); err == nil {
			w.Error("the first still works")
		}
		check("close-amer")
	}, func(cfg *Config) {
		second := testConnection()
		second.Name, second.RedirectURL = "close-amer", "https://app.example/connect/close-amer/callback"
		cfg.Connections = append(cfg.Connections, second)
	})
}
