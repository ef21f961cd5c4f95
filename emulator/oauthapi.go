package emulator

import "time"

// OAuthClient is an application that is registered at the OAuth server.
type OAuthClient struct {
	// ID and Secret are the credentials; [Server.AddClient] generates those that
	// are empty.
	ID, Secret string
	// Name is shown on the consent page.
	Name string
	// RedirectURLs are the registered redirect URLs, see Options.RedirectURLs.
	RedirectURLs []string
	// Public is true for an application without a secret. It must use PKCE.
	Public bool
	// OrganizationID makes the application private to an organization: only
	// its members may consent, and only for it. Empty means public.
	OrganizationID string
}

// Token is a response of the token endpoint.
type Token struct {
	AccessToken    string
	RefreshToken   string
	ExpiresAt      time.Time
	Scope          string
	UserID         string
	OrganizationID string
}

// OAuthStats counts the requests to the OAuth server.
type OAuthStats struct {
	// Consents and Denials count the decisions of users.
	Consents, Denials int
	// CodeExchanges and Refreshes count successful requests to the token endpoint.
	CodeExchanges, Refreshes int
	// SpentReuses counts attempts to use a refresh token that was rotated away;
	// CodeReuses those to use a code again.
	SpentReuses, CodeReuses int
	// ConcurrentRedemptions counts requests with a refresh token that arrived
	// while another request with the same token was in progress.
	ConcurrentRedemptions int
	// Revocations counts grants that an application or a user revoked.
	Revocations int
	// GrantsAlive is the number of grants that can still be used.
	GrantsAlive int
}

// Allow opens the consent page at a URL, allows the access, and returns the URL
// to which the browser is redirected. Empty ids choose the first user in the
// first organization.
func (s *Server) Allow(authorizeURL, userID, organizationID string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.Allow(authorizeURL, userID, organizationID)
}

// Deny opens the consent page at a URL, denies the access, and returns the URL
// to which the browser is redirected.
func (s *Server) Deny(authorizeURL string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st.oauth.Deny(authorizeURL)
}
