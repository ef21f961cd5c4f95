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

	"golang.org/x/oauth2"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
	"github.com/closekit/closekit/runtime/accounts/internal/secret"
)

// flowTime is how long a link works, and how long the host has to confirm.
const flowTime = 10 * time.Minute

var (
	// ErrWrongUser says that another user than the one who began an
	// authorization tried to finish it. Nothing was exchanged.
	ErrWrongUser = errors.New("accounts: another user began this authorization")
	// ErrFlowFailed says that the provider gave no tokens for an authorization.
	// The account is as it was; begin again. [*FlowFailedError] says why.
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
// mismatch (somebody else's Close account; see [NewIdentity]) or failed. After an out-of-band consent, what [Manager.ConfirmUser] says is up
// to the host to show.
func ReturnTo(id string) LinkOption { return func(f *Flow) { f.ReturnTo = id } }

// OutOfBand makes a link that works without a session of the host, for chats,
// mail and terminals. After the consent the browser goes to
// [Config.VerifyURL], and nothing is exchanged before the host has called
// [Manager.ConfirmUser] for the user whose session it finds there.
func OutOfBand() LinkOption { return func(f *Flow) { f.OutOfBand = true } }

// NewIdentity lets an account that is connected already be bound to another
// Close user or organization. Without it that is refused.
func NewIdentity() LinkOption { return func(f *Flow) { f.NewIdentity = true } }

// AuthorizationLink returns a link for a principal to connect the account, or
// to connect it again. It leads to one consent, within ten minutes. An account that is
// active stays so until the new consent is complete. Show the link to that
// user only; a link that somebody else opens is refused and reported.
func (m *Manager) AuthorizationLink(ctx context.Context, p Principal, connection string, opts ...LinkOption) (Link, error) {
	key, err := m.key(p, connection)
	if err != nil {
		return Link{}, err
	}
	if m.cfg.BaseURL == "" {
		return Link{}, errors.New("accounts: BaseURL is not set, so that there are no links")
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
		return Link{}, fmt.Errorf("accounts: %q is not in the list of places to return to", f.ReturnTo)
	}
	if f.OutOfBand && m.cfg.VerifyURL == "" {
		return Link{}, errors.New("accounts: VerifyURL is not set, so that there are no out-of-band links")
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

// bind ties a flow to a browser: it returns the address of the consent page
// and what the cookie must hold.
func (m *Manager) bind(ctx context.Context, c *conn, f Flow) (consent, nonce string, err error) {
	state, nonce := randomToken(), randomToken()
	verifier := oauth2.GenerateVerifier()
	s, err := seal(m.vault, []byte(verifier), flowData(f, PurposeVerifier))
	if err != nil {
		return "", "", err
	}
	if err := m.store.BindFlow(ctx, f.ID, hashOf(state), hashOf(nonce), s); err != nil {
		return "", "", err
	}
	return c.oauth.authorizeURL(c.RedirectURL, state, NewSecret(verifier)), nonce, nil
}

// heldCode is what a code is sealed with that waits for the host.
type heldCode struct {
	Code     string `json:"c"`
	Verifier string `json:"v"`
}

// hold keeps the code of an out-of-band consent and returns the id to confirm
// it with.
func (m *Manager) hold(ctx context.Context, f Flow, code string) (string, error) {
	verifier, err := m.vault.Open(f.Sealed.Blob, flowData(f, PurposeVerifier))
	if err != nil {
		return "", errSealing
	}
	plain, err := json.Marshal(heldCode{code, string(verifier)})
	if err != nil {
		return "", errSealing
	}
	defer clear(plain)
	id := randomToken()
	h := Flow{
		ID: hashOf(id), Kind: HeldFlow, Key: f.Key, AccountID: f.AccountID, Epoch: f.Epoch, OutOfBand: true,
		ReturnTo: f.ReturnTo, NewIdentity: f.NewIdentity,
	}
	if h.Sealed, err = seal(m.vault, plain, flowData(h, PurposeCode)); err != nil {
		return "", err
	}
	return id, m.store.Hold(ctx, h, flowTime, "user")
}

// ConfirmUser finishes an out-of-band authorization: confirmation is the
// "confirm" parameter with which the browser came to [Config.VerifyURL], and p
// is whose session the host finds there. If that is who the link was made for,
// the code is exchanged and the account is active. If not, the code is thrown
// away and the error is [ErrWrongUser]. Call it when the user has pressed a
// button (a POST), not when the page is opened: otherwise whoever consents
// with an account of their own could make the user confirm it by sending the
// address of the page. A confirmation works once;
// [ErrNotFound] if it was used, has lapsed or never was.
func (m *Manager) ConfirmUser(ctx context.Context, confirmation string, p Principal) (Info, error) {
	if len(confirmation) != tokenLength {
		return Info{}, ErrNotFound
	}
	f, err := m.store.ConsumeFlow(ctx, HeldFlow, hashOf(confirmation))
	if err != nil {
		return Info{}, err
	}
	free := context.WithoutCancel(ctx)
	fail := func(why Reason, err error) (Info, error) {
		short, cancel := anyhow(free)
		defer cancel()
		if endErr := m.store.EndVerification(short, f.Key, why, Note{EventVerificationFailed, "host", true}); endErr != nil {
			m.log.WarnContext(ctx, "a verification could not be ended", "account", f.Key) // it lapses
		}
		return Info{}, err
	}
	if p.IsZero() || f.Key.Principal() != p {
		m.note(ctx, Event{Type: EventLinkMisused, Key: f.Key, Reason: VerificationFailed, Actor: "user"})
		return fail(VerificationFailed, ErrWrongUser)
	}
	c, err := m.conn(f.Key.connection)
	if err != nil {
		return fail(VerificationFailed, err)
	}
	plain, err := m.vault.Open(f.Sealed.Blob, flowData(f, PurposeCode))
	if err != nil {
		return fail(VerificationFailed, &SealError{f.Key, f.Sealed.KeyID})
	}
	defer clear(plain)
	var h heldCode
	if json.Unmarshal(plain, &h) != nil {
		return fail(VerificationFailed, &SealError{f.Key, f.Sealed.KeyID})
	}
	rec, err := m.finish(free, c, f, c.RedirectURL, NewSecret(h.Code), NewSecret(h.Verifier))
	if err != nil {
		return fail(VerificationFailed, err)
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
	if !m.canSeal() {
		return Record{}, &SealError{Key: f.Key}
	}
	sent := m.now()
	a := c.oauth.exchange(ctx, redirect, code, verifier)
	defer func() { // the host's code, so after the pair is safe
		for _, o := range a.oddities {
			m.metrics.Oddity(c.Name, o)
		}
	}()
	switch {
	case a.kind == ConfigTrouble && a.code != "invalid_request":
		m.setHealth(ctx, c, HealthConfigError, a.code)
		return Record{}, &ConnectionConfigError{c.Name, a.code}
	case a.kind != "":
		m.log.InfoContext(ctx, "a code was not exchanged", "account", f.Key, "kind", a.kind, "status", a.status)
		return Record{}, &FlowFailedError{Key: f.Key, Kind: a.kind}
	case a.pair.access.IsZero():
		return Record{}, &FlowFailedError{Key: f.Key, Kind: BadSuccess}
	}
	if err := failpoint.Hit(ctx, failpoint.Exchanged); err != nil {
		return Record{}, err
	}
	return m.connect(ctx, c, f, a, sent)
}

func resultOf(ok bool) string {
	if ok {
		return "ok"
	}
	return "failed"
}

// connect stores the tokens of a consent. A newer generation is no obstacle:
// the consent counts.
func (m *Manager) connect(ctx context.Context, c *conn, f Flow, a answer, sent instant) (Record, error) {
	attempt, grant := randomID(), randomID()
	start := m.now()
	for wait := m.cfg.backoff; ; wait *= 2 {
		rec, err := m.load(ctx, f.Key)
		switch {
		case err == nil && rec.LastAttempt == attempt:
			return rec, nil
		case err == nil && rec.Epoch != f.Epoch:
			m.endOrphan(ctx, c, rec, a) // disconnected meanwhile
			return Record{}, &FlowFailedError{Key: f.Key, Reason: HostDisconnect}
		case err == nil && !f.NewIdentity && (rec.UserID != "" && rec.UserID != a.user || rec.OrganizationID != "" && rec.OrganizationID != a.org):
			m.note(ctx, Event{Type: EventIdentityMismatch, Key: f.Key, Reason: IdentityMismatch, Actor: "user"})
			return Record{}, &IdentityMismatchError{f.Key}
		case err == nil:
			rec, err = m.commitConsent(ctx, rec, a, attempt, grant, sent)
			if err == nil {
				e := m.entry(f.Key)
				e.use(m.now())
				_, _, err = m.look(ctx, e)
				if err != nil {
					m.log.WarnContext(ctx, "an account was connected and could not be read", "account", f.Key)
				}
				return rec, nil
			}
		}
		if m.now().since(start) > commitTime {
			return Record{}, m.unavailable(f.Key, StoreTrouble, time.Second)
		}
		if !errors.Is(err, ErrConflict) {
			m.pauseAnyhow(wait)
		}
	}
}

func (m *Manager) commitConsent(ctx context.Context, rec Record, a answer, attempt, grant string, sent instant) (Record, error) {
	s, err := sealPair(m.vault, a.pair, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1))
	if err != nil {
		return Record{}, err
	}
	due := m.dueIn(a.expiresIn)
	if a.pair.refresh.IsZero() {
		due = a.expiresIn - floorOf(a.expiresIn)
	}
	gone := m.now().since(sent)
	q := CommitRequest{
		Key: rec.Key, Generation: rec.Generation, Epoch: rec.Epoch, Attempt: attempt, Grant: grant, Tokens: s,
		NoRefresh: a.pair.refresh.IsZero(), OrganizationID: a.org, UserID: a.user,
		ExpiresIn: max(a.expiresIn-gone, 0), DueIn: max(due-gone, 0), Note: Note{EventConnected, "user", true},
	}
	synced, err := m.journal.add(rec, q, time.Now())
	if err == nil {
		err = synced()
	}
	if err != nil {
		m.log.ErrorContext(ctx, "the journal cannot be written", "account", rec.Key, "error", err)
	}
	done, err := m.tryCommit(ctx, q)
	if err == nil || errors.Is(err, ErrConflict) {
		m.journal.done(q.Key, q.Generation, time.Now())
	}
	return done, err
}

// endOrphan revokes tokens that belong to nobody any more.
func (m *Manager) endOrphan(ctx context.Context, c *conn, rec Record, a answer) {
	s, err := sealPair(m.vault, a.pair, AssociatedData(rec.Key, rec.ID, PurposeTokens, rec.Generation+1))
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

// openVerifier gives the PKCE verifier of a flow.
func (m *Manager) openVerifier(f Flow) (Secret, error) {
	plain, err := m.vault.Open(f.Sealed.Blob, flowData(f, PurposeVerifier))
	if err != nil {
		return secret.Value{}, &SealError{f.Key, f.Sealed.KeyID}
	}
	defer clear(plain)
	return NewSecret(string(plain)), nil
}
