package emulator

import (
	"cmp"
	"errors"
	"slices"

	"github.com/closekit/closekit/emulator/internal/crm"
	"github.com/closekit/closekit/emulator/internal/oauth"
	"github.com/closekit/closekit/emulator/internal/store"
)

// User is a person in one or more organizations.
type User struct {
	ID, FirstName, LastName, Email string
	// Organizations are the ids of the organizations of the user.
	Organizations []string
	// Role in the organizations: "admin", "superuser", "user" or
	// "restricteduser". When a user is added, empty means "user"; when it is
	// read, it is the role in the first organization.
	Role string
}

// Organization is a tenant.
type Organization struct {
	ID, Name string
	// Currency of all amounts, "USD" when empty.
	Currency string
}

// furnish creates the content of a fresh server. The caller holds the lock, or
// no other goroutine has the state yet.
func (s *Server) furnish(st *content) {
	old := s.st
	s.st = st
	defer func() { s.st = old }()
	org := s.addOrganization(Organization{Name: "Example Inc"})
	for i, u := range []User{
		{FirstName: "Ada", LastName: "Example", Email: "ada@example.com", Role: "admin"},
		{FirstName: "Ben", LastName: "Sample", Email: "ben@example.com", Role: "user"},
	} {
		u.Organizations = []string{org.ID}
		added := s.addUser(u)
		if i == 0 && s.opts.APIKey != "" {
			s.putKey(s.opts.APIKey, added.ID, org.ID)
			continue
		}
		s.addKey(added.ID, org.ID)
	}
	crm.AddDefaults(s.system(org.ID))
	st.oauth.AddClient(oauth.Client{Name: "Example application", RedirectURLs: s.opts.RedirectURLs})
}

func (s *Server) addOrganization(o Organization) *store.Organization {
	org := &store.Organization{
		ID: cmp.Or(o.ID, s.st.IDs.Long("orga")), Name: o.Name, Currency: cmp.Or(o.Currency, "USD"), Billing: s.st.IDs.Long("acct"), Created: s.now(), Updated: s.now(),
	}
	s.st.Organizations = append(s.st.Organizations, org)
	return org
}

func (s *Server) addUser(in User) *store.User {
	u := &store.User{
		ID: cmp.Or(in.ID, s.st.IDs.Long("user")), First: in.FirstName, Last: in.LastName, Email: in.Email,
		Created: s.now(), Updated: s.now(),
	}
	s.st.Users = append(s.st.Users, u)
	for _, org := range in.Organizations {
		crm.Join(s.system(org), u, cmp.Or(in.Role, "user"))
	}
	return u
}

func (s *Server) addKey(user, org string) string {
	key := "api_" + s.st.IDs.Base62(22) + "." + s.st.IDs.Base62(22)
	s.putKey(key, user, org)
	return key
}

func (s *Server) putKey(key, user, org string) {
	s.st.Keys[key] = &store.APIKey{ID: s.st.IDs.Short("api"), User: user, Organization: org}
	s.st.KeyOrder = append(s.st.KeyOrder, key)
}

// APIKey returns the API key of the first user in the first organization.
func (s *Server) APIKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.st.KeyOrder) == 0 {
		return ""
	}
	return s.st.KeyOrder[0]
}

// APIKeyOf returns the first API key of a user in an organization, or an empty
// string if there is none.
func (s *Server) APIKeyOf(userID, organizationID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.st.KeyOrder {
		if k := s.st.Keys[key]; k.User == userID && k.Organization == organizationID {
			return key
		}
	}
	return ""
}

// AddAPIKey creates an API key for a member of an organization.
func (s *Server) AddAPIKey(userID, organizationID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.st.Member(organizationID, userID) {
		return "", errors.New("the user is not a member of the organization")
	}
	return s.addKey(userID, organizationID), nil
}

// RevokeAPIKey deletes a key and reports whether it existed.
func (s *Server) RevokeAPIKey(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st.Keys[key] == nil {
		return false
	}
	delete(s.st.Keys, key)
	s.st.KeyOrder = slices.DeleteFunc(s.st.KeyOrder, func(k string) bool { return k == key })
	return true
}

// Users returns all users in the order in which they were added.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []User
	for _, u := range s.st.Users {
		out = append(out, public(u))
	}
	return out
}

func public(u *store.User) User {
	v := User{ID: u.ID, FirstName: u.First, LastName: u.Last, Email: u.Email}
	for _, m := range u.Members {
		v.Organizations = append(v.Organizations, m.Organization)
	}
	if len(u.Members) > 0 {
		v.Role = u.Members[0].Role
	}
	return v
}

// Organizations returns all organizations in the order in which they were added.
func (s *Server) Organizations() []Organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Organization
	for _, o := range s.st.Organizations {
		out = append(out, Organization{ID: o.ID, Name: o.Name, Currency: o.Currency})
	}
	return out
}

// AddOrganization adds an organization with statuses, a pipeline and sequences
// but without members. If o has no id, one is created.
func (s *Server) AddOrganization(o Organization) (Organization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.ID != "" && s.st.Organization(o.ID) != nil {
		return Organization{}, errors.New("an organization with this id exists already")
	}
	events := s.st.Events
	org := s.addOrganization(o)
	crm.AddDefaults(s.system(org.ID))
	s.st.Events = events
	return Organization{ID: org.ID, Name: org.Name, Currency: org.Currency}, nil
}

// AddUser adds a user to existing organizations, or to the first one if u names
// none, with an API key and a connected email account in each. A user whose id
// exists already joins further organizations.
func (s *Server) AddUser(u User) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(u.Organizations) == 0 {
		u.Organizations = []string{s.st.Organizations[0].ID}
	}
	for _, org := range u.Organizations {
		if s.st.Organization(org) == nil {
			return User{}, errors.New("unknown organization " + org)
		}
	}
	known := s.st.User(u.ID)
	if known == nil {
		organizations := u.Organizations
		u.Organizations = nil
		known = s.addUser(u)
		u.Organizations = organizations
	}
	for _, org := range u.Organizations {
		if _, ok := known.In(org); !ok {
			crm.Join(s.system(org), known, cmp.Or(u.Role, "user"))
			s.addKey(known.ID, org)
		}
	}
	return public(known), nil
}

// RemoveUser removes a user from an organization, like an administrator who
// deactivates a membership: the user's keys and grants there stop working. It
// reports whether the user was a member.
func (s *Server) RemoveUser(userID, organizationID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.st.User(userID)
	if u == nil {
		return false
	}
	defer s.settle()
	return crm.Leave(s.system(organizationID), u)
}

// ClientID returns the id of the built-in OAuth client.
func (s *Server) ClientID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.BuiltIn().ID
}

// ClientSecret returns the secret of the built-in OAuth client.
func (s *Server) ClientSecret() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.BuiltIn().Secret
}

// RedirectURLs returns the registered redirect URLs of the built-in OAuth client.
func (s *Server) RedirectURLs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.st.oauth.BuiltIn().RedirectURLs)
}

// AddRedirectURL registers a redirect URL for the built-in OAuth client.
func (s *Server) AddRedirectURL(u string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.st.oauth.BuiltIn()
	c.RedirectURLs = append(c.RedirectURLs, u)
}

// AddClient registers another OAuth client and returns it with its credentials.
func (s *Server) AddClient(c OAuthClient) (OAuthClient, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ID != "" && s.st.oauth.Client(c.ID) != nil {
		return OAuthClient{}, errors.New("an OAuth client with this id exists already")
	}
	return OAuthClient(*s.st.oauth.AddClient(oauth.Client(c))), nil
}

// AuthorizeURL returns the URL of the consent page.
func (s *Server) AuthorizeURL() string { return s.URL() + "/oauth2/authorize/" }

// TokenURL returns the URL of the token endpoint.
func (s *Server) TokenURL() string { return s.URL() + "/oauth2/token/" }

// RevokeURL returns the URL of the revocation endpoint.
func (s *Server) RevokeURL() string { return s.URL() + "/oauth2/revoke/" }

// Grant grants the built-in OAuth client access as a member of an organization,
// without a consent page.
func (s *Server) Grant(userID, organizationID string) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.st.Member(organizationID, userID) {
		return Token{}, errors.New("the user is not a member of the organization")
	}
	return Token(s.st.oauth.GrantTo(userID, organizationID)), nil
}

// RevokeGrant revokes all grants of a user in an organization, like a user or an
// administrator who disconnects an application. An empty id matches all. It
// returns the number of grants.
func (s *Server) RevokeGrant(userID, organizationID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.RevokeGrants(userID, organizationID)
}

// ExpireTokens makes all access tokens expire now. Refresh tokens stay valid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.oauth.ExpireTokens()
}

// OAuthStats returns the counters of the OAuth server.
func (s *Server) OAuthStats() OAuthStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return OAuthStats(s.st.oauth.Stats())
}
