// Package accounts keeps the Close accounts of many users connected. It leads
// each user through the consent, keeps the tokens sealed, renews them ahead of
// time, and hands out a credential only to the user it belongs to.
//
//	m, err := accounts.New(ctx, accounts.Config{
//		Store: store, Vault: v, SessionResolver: whoIsIt,
//		BaseURL: "https://app.example.com/connect",
//		Connections: []accounts.Connection{{
//			Name: "close", ClientID: id, ClientSecret: accounts.NewSecret(secret),
//			RedirectURL: "https://app.example.com/connect/close/callback",
//		}},
//	})
//	go m.Run(ctx)
//	mux.Handle("/connect/", sessions(m.Handler()))
//
//	user, err := accounts.NewPrincipal(tenant, userID) // where the host logs users in
//	link, err := m.AuthorizationLink(ctx, user, "close")
//	account, err := m.Account(user, "close")
//	client := closekit.NewClient(account)
//
// # Who may act as whom
//
// An account belongs to a [Principal] at a [Connection]. A [Principal] is made
// where the host has authenticated its user; everything that leads to a token
// asks for one, or hangs on a handle that was made from one. No function takes
// the identifier of a user as text and gives a token or a client. Below that,
// every sealed blob opens in its own row, for its own purpose and generation
// only, and the Close user and organization are compared with every renewal.
//
// # States
//
// The [State] of an account says what its grant is worth. The health of a
// connection, such as a wrong client secret or a provider that is away, is a
// matter of its own and changes no account. While an access token is valid, no
// trouble with renewing it reaches a caller. Errors are typed, and each says
// what to do: see [AccountError].
//
// # Renewal
//
// Close issues a new refresh token with every renewal and ends the old one, so
// that a lost answer or a lost write would cost the connection. One process at
// a time renews an account: it claims the row by moving its due time, sends
// once, seals what comes, writes it to a journal, commits it if the generation
// is still what it was, and only then lets it out. An attempt whose outcome is
// unknown is replayed once. What goes on is told in [Event]s, one for each
// transition, which stay in the store until they are acknowledged.
package accounts
