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
// needs one, or a handle that was made from one. No function takes the identifier
// of a user as text and returns a token or a client. Below that, every sealed
// blob opens in its own row, for its own purpose and generation only, and the
// Close user and organization are compared at every renewal.
//
// # States
//
// The [State] of an account is the condition of its grant. The health of a
// connection, such as a wrong client secret or an unreachable provider, is
// separate and changes no account. While an access token is valid, callers do
// not see that renewing it fails. Errors are typed, and each says how to
// recover: see [AccountError].
//
// # Renewal
//
// Close issues a new refresh token with every renewal and ends the old one, so
// that a lost response or a lost write would cost the connection. One process at
// a time renews an account: it claims the row by moving its due time, sends
// once, seals the new tokens, writes them to a journal, commits them if the
// generation is unchanged, and only then hands them to callers. An attempt whose
// outcome is unknown is replayed once. An [Event] reports each transition, and
// stays in the store until it is acknowledged.
//
// # Stores
//
// Packages pgstore and sqlitestore keep accounts in a database, package memstore
// keeps them in memory. To write a store, implement [TxStore] and call
// [NewStore].
//
// # Reading the code
//
// A renewal goes through the files in this order: account.go (a caller wants a
// token), credential.go (the slow path), renew.go (one renewal per account),
// admit.go, claim.go, redeem.go, store_pair.go, commit.go, publish.go. The
// comment in renew.go lists the steps.
package accounts
