package emulator

import (
	"cmp"
	"errors"
	"slices"
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
	for _, u := range []User{
		{FirstName: "Ada", LastName: "Example", Email: "ada@example.com", Role: "admin"},
		{FirstName: "Ben", LastName: "Sample", Email: "ben@example.com", Role: "user"},
	} {
		u.Organizations = []string{org.id}
		added := s.addUser(u)
		s.addKey(added.id, org.id)
	}
	addDefaults(s.system(org.id))
	st.oauth.addClient(oauthClient{Name: "Example application", RedirectURLs: s.opts.RedirectURLs})
}

func (s *Server) addOrganization(o Organization) *organization {
	org := &organization{
		id: cmp.Or(o.ID, s.st.ids.long("orga")), name: o.Name, currency: cmp.Or(o.Currency, "USD"), created: s.now(), updated: s.now(),
	}
	s.st.orgs = append(s.st.orgs, org)
	return org
}

func (s *Server) addUser(in User) *user {
	u := &user{
		id: cmp.Or(in.ID, s.st.ids.long("user")), first: in.FirstName, last: in.LastName, email: in.Email,
		created: s.now(), updated: s.now(),
	}
	s.st.users = append(s.st.users, u)
	for _, org := range in.Organizations {
		s.join(u, org, cmp.Or(in.Role, "user"))
	}
	return u
}

// join makes a user a member of an organization, with a connected email account.
func (s *Server) join(u *user, org, role string) {
	m := membership{id: s.st.ids.long("memb"), org: org, role: role, account: s.st.ids.long("emailacct")}
	u.members = append(u.members, m)
	c := s.system(org)
	c.insert(s.engine.resources["connected_accounts"], object{
		"id": m.account, "_type": "custom_email", "user_id": u.id, "email": u.email, "synced_calendars": []any{},
		"identities": []any{object{"email": u.email, "name": u.name()}},
		"smtp":       object{"host": "smtp.example.com", "port": int64(587), "use_ssl": true, "username": u.email}, "imap": nil,
	})
}

func (s *Server) addKey(user, org string) string {
	key := "api_" + s.st.ids.base62(22) + "." + s.st.ids.base62(22)
	s.st.keys[key] = &apiKey{id: s.st.ids.short("api"), user: user, org: org}
	s.st.keyOrder = append(s.st.keyOrder, key)
	return key
}

// APIKey returns the API key of the first user in the first organization.
func (s *Server) APIKey() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.st.keyOrder) == 0 {
		return ""
	}
	return s.st.keyOrder[0]
}

// APIKeyOf returns the first API key of a user in an organization, or an empty
// string if there is none.
func (s *Server) APIKeyOf(userID, organizationID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.st.keyOrder {
		if k := s.st.keys[key]; k.user == userID && k.org == organizationID {
			return key
		}
	}
	return ""
}

// AddAPIKey creates an API key for a member of an organization.
func (s *Server) AddAPIKey(userID, organizationID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.st.member(organizationID, userID) {
		return "", errors.New("the user is not a member of the organization")
	}
	return s.addKey(userID, organizationID), nil
}

// RevokeAPIKey deletes a key and reports whether it existed.
func (s *Server) RevokeAPIKey(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.st.keys[key] == nil {
		return false
	}
	delete(s.st.keys, key)
	s.st.keyOrder = slices.DeleteFunc(s.st.keyOrder, func(k string) bool { return k == key })
	return true
}

// Users returns all users in the order in which they were added.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []User
	for _, u := range s.st.users {
		out = append(out, u.public())
	}
	return out
}

func (u *user) public() User {
	v := User{ID: u.id, FirstName: u.first, LastName: u.last, Email: u.email}
	for _, m := range u.members {
		v.Organizations = append(v.Organizations, m.org)
	}
	if len(u.members) > 0 {
		v.Role = u.members[0].role
	}
	return v
}

// Organizations returns all organizations in the order in which they were added.
func (s *Server) Organizations() []Organization {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Organization
	for _, o := range s.st.orgs {
		out = append(out, Organization{ID: o.id, Name: o.name, Currency: o.currency})
	}
	return out
}

// AddOrganization adds an organization with statuses, a pipeline and sequences
// but without members. If o has no id, one is created.
func (s *Server) AddOrganization(o Organization) (Organization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.ID != "" && s.st.organization(o.ID) != nil {
		return Organization{}, errors.New("an organization with this id exists already")
	}
	events := s.st.events
	org := s.addOrganization(o)
	addDefaults(s.system(org.id))
	s.st.events = events
	return Organization{ID: org.id, Name: org.name, Currency: org.currency}, nil
}

// AddUser adds a user to existing organizations, or to the first one if u names
// none, with an API key and a connected email account in each. A user whose id
// exists already joins further organizations.
func (s *Server) AddUser(u User) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(u.Organizations) == 0 {
		u.Organizations = []string{s.st.orgs[0].id}
	}
	for _, org := range u.Organizations {
		if s.st.organization(org) == nil {
			return User{}, errors.New("unknown organization " + org)
		}
	}
	known := s.st.user(u.ID)
	if known == nil {
		organizations := u.Organizations
		u.Organizations = nil
		known = s.addUser(u)
		u.Organizations = organizations
	}
	for _, org := range u.Organizations {
		if _, ok := known.in(org); !ok {
			s.join(known, org, cmp.Or(u.Role, "user"))
			s.addKey(known.id, org)
		}
	}
	return known.public(), nil
}

// RemoveUser removes a user from an organization, like an administrator who
// deactivates a membership: the user's keys and grants there stop working. It
// reports whether the user was a member.
func (s *Server) RemoveUser(userID, organizationID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.st.user(userID)
	if u == nil {
		return false
	}
	n := len(u.members)
	u.members = slices.DeleteFunc(u.members, func(m membership) bool { return m.org == organizationID })
	return len(u.members) < n
}

// ClientID returns the id of the built-in OAuth client.
func (s *Server) ClientID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.builtIn().ID
}

// ClientSecret returns the secret of the built-in OAuth client.
func (s *Server) ClientSecret() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.builtIn().Secret
}

// RedirectURLs returns the registered redirect URLs of the built-in OAuth client.
func (s *Server) RedirectURLs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.st.oauth.builtIn().RedirectURLs)
}

// AddRedirectURL registers a redirect URL for the built-in OAuth client.
func (s *Server) AddRedirectURL(u string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.st.oauth.builtIn()
	c.RedirectURLs = append(c.RedirectURLs, u)
}

// AddClient registers another OAuth client and returns it with its credentials.
func (s *Server) AddClient(c OAuthClient) (OAuthClient, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ID != "" && s.st.oauth.client(c.ID) != nil {
		return OAuthClient{}, errors.New("an OAuth client with this id exists already")
	}
	return OAuthClient(*s.st.oauth.addClient(oauthClient(c))), nil
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
	if !s.st.member(organizationID, userID) {
		return Token{}, errors.New("the user is not a member of the organization")
	}
	return Token(s.st.oauth.grantTo(userID, organizationID)), nil
}

// RevokeGrant revokes all grants of a user in an organization, like a user or an
// administrator who disconnects an application. An empty id matches all. It
// returns the number of grants.
func (s *Server) RevokeGrant(userID, organizationID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.revokeGrants(userID, organizationID)
}

// ExpireTokens makes all access tokens expire now. Refresh tokens stay valid.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st.oauth.expireTokens()
}

// OAuthStats returns the counters of the OAuth server.
func (s *Server) OAuthStats() OAuthStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return OAuthStats(s.st.oauth.currentStats())
}
