package closemcp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// HTTP is what a handler for many users needs.
type HTTP struct {
	// Verify verifies a bearer token: signature or lookup, issuer, expiry, and that
	// it was issued for Resource. It is required. A token that is not good is
	// [auth.ErrInvalidToken].
	Verify auth.TokenVerifier
	// Resource is the URL of the handler, as clients see it. It is required.
	Resource string
	// AuthorizationServers are the issuers of tokens, for clients that look for one.
	AuthorizationServers []string
	// Scopes are needed for every request.
	Scopes []string
	// MaxBody is how many bytes a request has at most. Default: 1 MiB.
	MaxBody int64
	// MaxSessions is how many sessions a user has open at most. Default: 50.
	MaxSessions int
	// SessionTimeout ends sessions without requests. Default: 30 minutes.
	SessionTimeout time.Duration
	// Patience is how long a client may take to send a request, and to receive a part
	// of an answer. Default: 30 seconds.
	Patience time.Duration
}

const metadataPath = "/.well-known/oauth-protected-resource"

// Handler returns the handler for MCP over HTTP, at the path of Resource, and for the
// metadata of the resource, at its well-known path. Mount it at the root of a mux.
//
// A session belongs to the user whose token opened it; another user with its id is
// refused. Revisions with sessions and without are served alike.
func (s *Server) Handler(h HTTP) (http.Handler, error) {
	resource, err := url.Parse(h.Resource)
	switch {
	case h.Verify == nil:
		return nil, errors.New("closemcp: HTTP.Verify is nil; requests without a verified user cannot be served")
	case err != nil || resource.Host == "" || resource.Fragment != "":
		return nil, fmt.Errorf("closemcp: HTTP.Resource %q must be the URL of the handler, as clients see it", h.Resource)
	}
	if h.MaxBody <= 0 {
		h.MaxBody = 1 << 20
	}
	if h.MaxSessions <= 0 {
		h.MaxSessions = 50
	}
	if h.SessionTimeout <= 0 {
		h.SessionTimeout = 30 * time.Minute
	}
	if h.Patience <= 0 {
		h.Patience = 30 * time.Second
	}
	s.open.bound(h.MaxSessions)
	path := resource.EscapedPath()
	if path == "" {
		path = "/"
	}
	at := metadataPath
	if path != "/" {
		at += path
	}
	metadata := *resource
	metadata.Path, metadata.RawPath, metadata.RawQuery = at, "", ""
	serve := bounded(s.streams(h), h.MaxBody, h.Patience)
	serve = auth.RequireBearerToken(s.verifier(h.Verify), &auth.RequireBearerTokenOptions{ResourceMetadataURL: metadata.String(), Scopes: h.Scopes})(serve)
	mux := http.NewServeMux()
	mux.Handle(path, http.NewCrossOriginProtection().Handler(serve))
	mux.Handle(at, auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: h.Resource, AuthorizationServers: h.AuthorizationServers, ScopesSupported: h.Scopes,
		BearerMethodsSupported: []string{"header"}, ResourceName: "Close CRM",
	}))
	return mux, nil
}

// streams serves revisions with sessions and those without, which a header tells apart.
func (s *Server) streams(h HTTP) http.Handler {
	get := func(*http.Request) *mcp.Server { return s.mcp }
	sessions := mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{
		EventStore: mcp.NewMemoryEventStore(nil), SessionTimeout: h.SessionTimeout, MaxRequestBodyBytes: h.MaxBody, Logger: s.config.Logger,
	})
	rounds := mcp.NewStreamableHTTPHandler(get, &mcp.StreamableHTTPOptions{
		Stateless: true, PropagateRequestCancellation: true, MaxRequestBodyBytes: h.MaxBody, Logger: s.config.Logger,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Mcp-Protocol-Version") >= "2026-07-28" {
			rounds.ServeHTTP(w, req)
			return
		}
		sessions.ServeHTTP(w, req)
	})
}

// verifier finds the user of a verified token. The SDK binds sessions to the UserID of
// the token; it becomes the ID of the user, which tells users of several tenants with
// the same name apart.
func (s *Server) verifier(verify auth.TokenVerifier) auth.TokenVerifier {
	return func(ctx context.Context, token string, req *http.Request) (*auth.TokenInfo, error) {
		info, err := verify(ctx, token, req)
		if err != nil {
			return nil, err
		}
		if info == nil {
			return nil, auth.ErrInvalidToken
		}
		u, err := s.lookup(ctx, info)
		if err != nil {
			s.config.Logger.WarnContext(ctx, "a verified token is of no user", "error", err)
			return nil, fmt.Errorf("%w: it is of no user here", auth.ErrInvalidToken)
		}
		own := *info
		own.UserID = u.ID
		own.Extra = maps.Clone(info.Extra)
		if own.Extra == nil {
			own.Extra = map[string]any{}
		}
		own.Extra[userKey] = u
		return &own, nil
	}
}
