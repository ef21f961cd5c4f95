package accounts

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/oauth2"
)

// TokenSource returns the account as a source of tokens for other libraries
// that call Close. Each Token call returns what [Account.Credential] returns,
// with the same errors; ctx is the context of these calls. A token carries no
// refresh token, and its expiry is when the account stops handing it out, which
// is before it ends, so that a source which caches, as oauth2.NewClient makes
// one, asks again in time. Unlike a [closekit.Client], such a source does not
// notice within its cache that the account was disconnected, and nothing renews
// a token that Close rejects.
//
// The access token is in the clear in what Token returns: printing
// that value prints the token. The source itself prints as the account it is of.
func (a *Account) TokenSource(ctx context.Context) oauth2.TokenSource {
	return &tokenSource{ctx, a}
}

type tokenSource struct {
	ctx     context.Context //nolint:containedctx // the interface has no room for it in Token
	account *Account
}

// Token implements oauth2.TokenSource.
func (s *tokenSource) Token() (*oauth2.Token, error) {
	t, err := s.account.token(s.ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Token{AccessToken: t.access.Reveal(), TokenType: "Bearer", Expiry: time.Unix(0, t.deadline.wall)}, nil
}

// Format prints which account it is, whatever the verb.
func (s *tokenSource) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "token source of %v", s.account)
}
