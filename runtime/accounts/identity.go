package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// sealedIdentity is a pair in quarantine, with who it belongs to. It can be
// opened as a pair.
type sealedIdentity struct {
	sealedPair
	Org  string `json:"o"`
	User string `json:"u"`
}

func sealIdentity(v Vault, r tokenResponse, ad []byte) (Sealed, error) {
	plain, err := json.Marshal(sealedIdentity{sealedPair{r.pair.access.Reveal(), r.pair.refresh.Reveal()}, r.org, r.user})
	if err != nil {
		return Sealed{}, errSealing
	}
	defer clear(plain)
	return seal(v, plain, ad)
}

// ErrNothingToAccept means that no tokens are in quarantine.
var ErrNothingToAccept = errors.New("accounts: no tokens are in quarantine")

// AcceptIdentity binds an account to the other Close user or organization that
// the provider issued tokens for (see [IdentityMismatchError]). The tokens in
// quarantine become the account's. It is for operators who have made sure that
// this is right.
func (m *Manager) AcceptIdentity(ctx context.Context, p Principal, connection string) (Info, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return Info{}, err
	}
	rec, err := m.store.Load(ctx, key)
	if err != nil {
		return Info{}, err
	}
	if rec.Reason != IdentityMismatch || rec.Fallback.Purpose != PurposeQuarantine {
		return infoOf(rec), ErrNothingToAccept
	}
	plain, err := m.vault.Open(rec.Fallback.Sealed.Blob, AssociatedData(key, rec.ID, PurposeQuarantine, rec.Fallback.Generation))
	if err != nil {
		return infoOf(rec), &SealError{key, rec.Fallback.Sealed.KeyID}
	}
	defer clear(plain)
	var q sealedIdentity
	if json.Unmarshal(plain, &q) != nil {
		return infoOf(rec), &SealError{key, rec.Fallback.Sealed.KeyID}
	}
	tokens, err := sealPair(m.vault, pair{NewSecret(q.Access), NewSecret(q.Refresh)}, AssociatedData(key, rec.ID, PurposeTokens, rec.Generation+1))
	if err != nil {
		return infoOf(rec), &SealError{key, rec.Fallback.Sealed.KeyID}
	}
	// How long the access token lives is no longer known; it is renewed at the
	// first use.
	row, fate := m.commit(ctx, CommitRequest{
		Key: key, Generation: rec.Generation, Epoch: rec.Epoch, Attempt: randomID(), Tokens: tokens, NoRefresh: q.Refresh == "",
		OrganizationID: q.Org, UserID: q.User, Note: Note{Type: EventConnected, Actor: "admin", Always: true},
	})
	switch fate {
	case committed:
		return infoOf(row.Record), nil
	case commitFailed:
		return infoOf(rec), m.unavailable(key, StoreTrouble, time.Second)
	default: // another change was faster
		return infoOf(row.Record), ErrConflict
	}
}
