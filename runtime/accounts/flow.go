package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// flowTime is how long a link works, and how long the host has to confirm.
const flowTime = 10 * time.Minute

var (
	// ErrWrongUser means that another user than the one who began an
	// authorization tried to finish it. Nothing was exchanged.
	ErrWrongUser = errors.New("accounts: another user began this authorization")
	// ErrFlowFailed means that the provider issued no tokens for an
	// authorization. The account is unchanged; begin again.
	// [*FlowFailedError] says why.
	ErrFlowFailed = errors.New("accounts: the authorization could not be completed")
)

// Link is where a user connects an account.
type Link struct {
	// URL is a page of [Manager.Handler]. In a link that is not out of band it
	// only works in the session of the user it was made for.
	URL     string
	Expires time.Time
}

// LinkOption changes a link.
type LinkOption func(*Flow)

// ReturnTo sends the browser to the entry of [Config.ReturnTo] with this id in
// the end, with the parameter "connection_status" added: connected, denied,
// mismatch (another Close user or organization; see [NewIdentity]) or failed.
// After an out-of-band consent, the host shows what [Manager.ConfirmUser]
// returns.
func ReturnTo(id string) LinkOption { return func(f *Flow) { f.ReturnTo = id } }

// OutOfBand makes a link that opens without a session of the host, for chats,
// email and terminals. After the consent the browser goes to
// [Config.VerifyURL], and nothing is exchanged before the host has called
// [Manager.ConfirmUser] for the user whose session it finds there.
func OutOfBand() LinkOption { return func(f *Flow) { f.OutOfBand = true } }

// NewIdentity lets an account that is connected already be bound to another
// Close user or organization. Without it that is refused.
func NewIdentity() LinkOption { return func(f *Flow) { f.NewIdentity = true } }

// AuthorizationLink returns a link for a principal to connect the account, or
// to connect it again. It leads to one consent, within ten minutes. An active
// account stays active until the new consent is complete. Show the link to that
// user only; if another user opens it, that is refused and reported.
func (m *Manager) AuthorizationLink(ctx context.Context, p Principal, connection string, opts ...LinkOption) (Link, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return Link{}, err
	}
	if m.cfg.BaseURL == "" {
		return Link{}, errors.New("accounts: links need BaseURL, which is not set")
	}
	rec, err := m.ensure(ctx, key)
	if err != nil {
		return Link{}, err
	}
	id := randomToken()
	f := Flow{ID: hashOf(id), Kind: LinkFlow, Key: key, AccountID: rec.ID, Epoch: rec.Epoch}
	for _, o := range opts {
		o(&f)
	}
	if _, ok := m.cfg.ReturnTo[f.ReturnTo]; !ok && f.ReturnTo != "" {
		return Link{}, fmt.Errorf("accounts: %q is not an id in ReturnTo", f.ReturnTo)
	}
	if f.OutOfBand && m.cfg.VerifyURL == "" {
		return Link{}, errors.New("accounts: out-of-band links need VerifyURL, which is not set")
	}
	if f.Sealed, err = seal(m.vault, []byte(randomToken()), flowData(f, PurposeVerifier)); err != nil {
		return Link{}, &SealError{Key: key}
	}
	if err := m.store.CreateFlow(ctx, f, flowTime); err != nil {
		return Link{}, err
	}
	return Link{m.cfg.BaseURL + "/" + connection + "/start?f=" + id, rec.Now.Add(flowTime)}, nil
}

// randomToken is 256 bits, fit for a URL.
func randomToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// tokenLength is the length of a randomToken.
const tokenLength = 43

func hashOf(s string) Hash { return sha256.Sum256([]byte(s)) }

// flowData is the associated data of what a flow holds.
func flowData(f Flow, purpose string) []byte {
	return AssociatedData(f.Key, hex.EncodeToString(f.ID[:]), purpose, f.Epoch)
}

// holdCode keeps the code of an out-of-band consent and returns the id to
// confirm it with.
func (m *Manager) holdCode(ctx context.Context, f Flow, code string, verifier Secret) (string, error) {
	id := randomToken()
	h := Flow{
		ID: hashOf(id), Kind: HeldFlow, Key: f.Key, AccountID: f.AccountID, Epoch: f.Epoch, OutOfBand: true,
		ReturnTo: f.ReturnTo, NewIdentity: f.NewIdentity,
	}
	var err error
	if h.Sealed, err = sealCode(m.vault, code, verifier, flowData(h, PurposeCode)); err != nil {
		return "", err
	}
	return id, m.store.Hold(ctx, h, flowTime, "user")
}

// ConfirmUser finishes an out-of-band authorization: confirmation is the
// "confirm" parameter with which the browser came to [Config.VerifyURL], and p
// is whose session the host finds there. If the link was made for p, the code is
// exchanged and the account becomes active. If not, the code is discarded and
// the error is [ErrWrongUser]. Call it when the user has pressed a button (a
// POST), not when the page is opened: otherwise an attacker could consent with
// an account of their own and make the user confirm it by sending the address
// of the page. A confirmation works once: a second call for the same user waits
// for the first and returns the same, and later calls return [ErrNotFound], as
// for one that has lapsed or never existed. The zero Principal, of a session that
// has ended, is an [ErrWrongUser] that discards nothing.
func (m *Manager) ConfirmUser(ctx context.Context, confirmation string, p Principal) (Info, error) {
	switch {
	case len(confirmation) != tokenLength:
		return Info{}, ErrNotFound
	case p.IsZero():
		return Info{}, ErrWrongUser
	}
	id := hashOf(confirmation + string(p.Key("").Canonical()))
	c, ok := m.confirmations.do(ctx, id, Flow{}, confirmed{err: ErrFlowFailed}, func() confirmed {
		info, err := m.confirm(ctx, confirmation, p)
		return confirmed{info, err}
	})
	if !ok {
		return Info{}, context.Cause(ctx)
	}
	return c.info, c.err
}

// confirmed is what ConfirmUser returns.
type confirmed struct {
	info Info
	err  error
}

func (m *Manager) confirm(ctx context.Context, confirmation string, p Principal) (Info, error) {
	f, err := m.store.ConsumeFlow(ctx, HeldFlow, hashOf(confirmation))
	if err != nil {
		return Info{}, err
	}
	free := context.WithoutCancel(ctx)
	fail := func(err error) (Info, error) {
		short, cancel := detached(free)
		defer cancel()
		if endErr := m.store.EndVerification(short, f.Key, VerificationFailed, Note{EventVerificationFailed, "host", true}); endErr != nil {
			m.log.WarnContext(ctx, "a verification could not be ended", "account", f.Key) // it lapses
		}
		return Info{}, err
	}
	if f.Key.Principal() != p {
		m.note(ctx, Event{Type: EventLinkMisused, Key: f.Key, Reason: VerificationFailed, Actor: "user"})
		return fail(ErrWrongUser)
	}
	c, err := m.conn(f.Key.connection)
	if err != nil {
		return fail(err)
	}
	plain, err := m.vault.Open(f.Sealed.Blob, flowData(f, PurposeCode))
	if err != nil {
		return fail(&SealError{f.Key, f.Sealed.KeyID})
	}
	defer clear(plain)
	var h heldCode
	if json.Unmarshal(plain, &h) != nil {
		return fail(&SealError{f.Key, f.Sealed.KeyID})
	}
	rec, err := m.finish(free, c, f, c.RedirectURL, NewSecret(h.Code), NewSecret(h.Verifier))
	if err != nil {
		return fail(err)
	}
	return infoOf(rec), nil
}

// finish exchanges a code and stores what comes. A failure leaves the account
// as it is.
func (m *Manager) finish(ctx context.Context, c *conn, f Flow, redirect string, code, verifier Secret) (rec Record, err error) {
	ctx, end := m.cfg.Tracer.Start(ctx, OpExchange, c.Name)
	defer func() { end(resultOf(err == nil)) }()
	if !m.begin() {
		return Record{}, m.unavailable(f.Key, Suspended, 0)
	}
	defer m.work.Done()
	if !m.vaultWorks() {
		return Record{}, &SealError{Key: f.Key}
	}
	sent := m.now()
	r := c.oauth.exchange(ctx, redirect, code, verifier)
	defer m.countOddities(c, r) // after the pair is stored
	switch {
	case r.kind == ConfigTrouble && r.code != "invalid_request":
		m.setHealth(ctx, c, HealthConfigError, r.code)
		return Record{}, &ConnectionConfigError{c.Name, r.code}
	case r.kind != "":
		m.log.InfoContext(ctx, "a code was not exchanged", "account", f.Key, "kind", r.kind, "status", r.status)
		return Record{}, &FlowFailedError{Key: f.Key, Kind: r.kind}
	case r.pair.access.IsZero(), r.unusable:
		return Record{}, &FlowFailedError{Key: f.Key, Kind: BadSuccess}
	}
	if err := failpoint.Hit(ctx, failpoint.Exchanged); err != nil {
		return Record{}, err
	}
	return m.connect(ctx, c, f, r, sent)
}

func resultOf(ok bool) string {
	if ok {
		return "ok"
	}
	return "failed"
}

// connect stores the tokens of a consent. A newer generation is no obstacle:
// the consent counts.
func (m *Manager) connect(ctx context.Context, c *conn, f Flow, r tokenResponse, sent instant) (Record, error) {
	attempt, grant := randomID(), randomID()
	start := m.now()
	for wait := m.cfg.backoff; m.now().since(start) <= commitTime; wait *= 2 {
		row, err := m.load(ctx, f.Key)
		switch {
		case err == nil && row.Grant == grant:
			return row.Record, nil // it was ours, and renewed since
		case err == nil && row.Epoch != f.Epoch:
			m.endOrphan(ctx, c, row.Record, r) // disconnected meanwhile
			return Record{}, &FlowFailedError{Key: f.Key, Reason: HostDisconnect}
		case err == nil && !f.NewIdentity && (row.UserID != "" && row.UserID != r.user || row.OrganizationID != "" && row.OrganizationID != r.org):
			m.note(ctx, Event{Type: EventIdentityMismatch, Key: f.Key, Reason: IdentityMismatch, Actor: "user"})
			return Record{}, &IdentityMismatchError{f.Key}
		case err == nil:
			stored, fate := m.commitConsent(ctx, row.Record, r, attempt, grant, sent)
			if fate == committed {
				return stored, nil
			}
			if fate != commitFailed {
				continue // the row has moved on
			}
		}
		sleep(wait)
	}
	return Record{}, m.unavailable(f.Key, StoreTrouble, time.Second)
}

// commitConsent makes one commit of a consent, and publishes what it stored.
func (m *Manager) commitConsent(ctx context.Context, rec Record, r tokenResponse, attempt, grant string, sent instant) (Record, commitFate) {
	s, err := sealPair(m.vault, r.pair, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1))
	if err != nil {
		return rec, commitFailed
	}
	gone := m.now().since(sent)
	q := CommitRequest{
		Key: rec.Key, Generation: rec.Generation, Epoch: rec.Epoch, Attempt: attempt, Grant: grant, Tokens: s,
		NoRefresh: r.pair.refresh.IsZero(), OrganizationID: r.org, UserID: r.user,
		ExpiresIn: max(r.expiresIn-gone, 0), DueIn: max(m.nextDue(r, false)-gone, 0), Note: Note{EventConnected, "user", true},
	}
	synced, err := m.journal.add(rec, q, time.Now())
	if err == nil {
		err = synced()
	}
	if err != nil {
		m.log.ErrorContext(ctx, "the journal cannot be written", "account", rec.Key, "error", err)
	}
	row, fate := m.commit(ctx, q)
	if fate == committed {
		e := m.entry(rec.Key)
		e.use(m.now())
		if err := m.publish(e, row); err != nil {
			m.log.WarnContext(ctx, "an account was connected and could not be read", "account", rec.Key)
		}
	}
	return row.Record, fate
}

// endOrphan revokes tokens that came after the disconnect of their account.
func (m *Manager) endOrphan(ctx context.Context, c *conn, rec Record, r tokenResponse) {
	s, err := sealPair(m.vault, r.pair, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1))
	if err == nil {
		m.queueRevocation(ctx, c, rec, CommitRequest{Key: rec.Key, Generation: rec.Generation, Tokens: s})
	}
}

// addQuery adds a parameter to a configured URL.
func addQuery(to, name, value string) string {
	u, err := url.Parse(to)
	if err != nil {
		return to // it was checked
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}
