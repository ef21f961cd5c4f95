package accounts

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// MemoryStore is a [Store] that forgets everything when the process ends: for
// tests and for trying things out. Make it with [NewMemoryStore].
type MemoryStore struct {
	mu          sync.Mutex
	now         func() time.Time
	accounts    map[Key]*Record
	flows       map[Hash]*Flow
	revocations map[string]*memRevocation
	events      []*memEvent
	nextEvent   int64
	health      map[[2]string]*memHealth
	sentinel    Sealed
}

type memRevocation struct {
	Revocation
	due time.Time
}

type memEvent struct {
	Event
	acked   bool
	claimed time.Time
}

type memHealth struct {
	ConnectionHealth
	probe time.Time
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		now: time.Now, accounts: map[Key]*Record{}, flows: map[Hash]*Flow{},
		revocations: map[string]*memRevocation{}, health: map[[2]string]*memHealth{},
	}
}

// read copies a record for the caller.
func (s *MemoryStore) read(r *Record) Record {
	c := *r
	c.Now = s.now()
	return c
}

// note appends an event if the state changed or the note says so.
func (s *MemoryStore) note(r *Record, from State, n Note) {
	if n.Type == "" || from == r.State && !n.Always {
		return
	}
	s.append(Event{Type: n.Type, Key: r.Key, AccountID: r.ID, From: from, To: r.State, Reason: r.Reason, Actor: n.Actor})
}

func (s *MemoryStore) append(e Event) {
	s.nextEvent++
	e.ID, e.At = s.nextEvent, s.now()
	s.events = append(s.events, &memEvent{Event: e})
}

func (s *MemoryStore) setState(r *Record, state State, reason Reason) {
	if r.State != state {
		r.Changed = s.now()
	}
	r.State, r.Reason = state, reason
}

// after gives the moment in d, or none for a negative d.
func (s *MemoryStore) after(d time.Duration) time.Time {
	if d < 0 {
		return time.Time{}
	}
	return s.now().Add(d)
}

// Ensure implements [Store].
func (s *MemoryStore) Ensure(ctx context.Context, id string, key Key, actor string) (Record, bool, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.accounts[key]; r != nil {
		return s.read(r), false, nil
	}
	now := s.now()
	r := &Record{ID: id, Key: key, State: Pending, Created: now, Changed: now}
	s.accounts[key] = r
	s.note(r, "", Note{Type: EventCreated, Actor: actor})
	return s.read(r), true, nil
}

// Load implements [Store].
func (s *MemoryStore) Load(ctx context.Context, key Key) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[key]
	if r == nil {
		return Record{}, ErrNotFound
	}
	return s.read(r), nil
}

// List implements [Store].
func (s *MemoryStore) List(ctx context.Context, f ListFilter) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Record
	for _, r := range s.accounts {
		if r.ID > f.After && match(f.Tenant, r.Key.tenant) && match(f.Identifier, r.Key.identifier) &&
			match(f.Connection, r.Key.connection) && match(string(f.State), string(r.State)) {
			out = append(out, s.read(r))
		}
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.ID, b.ID) })
	return out[:min(len(out), limitOf(f.Limit))], nil
}

func match(want, got string) bool { return want == "" || want == got }

func limitOf(n int) int {
	if n <= 0 {
		return 100
	}
	return n
}

// Touch implements [Store].
func (s *MemoryStore) Touch(ctx context.Context, keys []Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range keys {
		if r := s.accounts[k]; r != nil {
			r.Used = s.now()
		}
	}
	return nil
}

// claim begins an attempt on a record whose guard holds.
func (s *MemoryStore) claim(r *Record, attempt, owner string, lease time.Duration) Record {
	if r.Attempt != "" {
		r.Doubts++
	}
	until := s.now().Add(lease)
	r.Attempt, r.Owner, r.AttemptUntil, r.Due = attempt, owner, until, until
	return s.read(r)
}

func (s *MemoryStore) claimable(r *Record) bool {
	return (r.State == Active || r.State == Expired) && (r.Attempt == "" || !s.now().Before(r.AttemptUntil))
}

// Claim implements [Store].
func (s *MemoryStore) Claim(ctx context.Context, q ClaimRequest) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[q.Key]
	switch {
	case r == nil:
		return Record{}, ErrNotFound
	case r.Generation != q.Generation, !s.claimable(r):
		return Record{}, ErrConflict
	}
	return s.claim(r, q.Attempt, q.Owner, q.Lease), nil
}

// ClaimDue implements [Store].
func (s *MemoryStore) ClaimDue(ctx context.Context, q DueRequest) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	first := func(a, b *Record) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) }
	var due []*Record // the first ones, in order
	for _, r := range s.accounts {
		if r.Key.connection != q.Connection || r.Due.IsZero() || r.Due.After(now) || !s.claimable(r) {
			continue
		}
		if len(due) >= q.Limit && (q.Limit <= 0 || first(r, due[len(due)-1]) > 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(due, r, first)
		due = slices.Insert(due, at, r)
		due = due[:min(len(due), q.Limit)]
	}
	var out []Record
	for _, r := range due {
		out = append(out, s.claim(r, q.Attempt, q.Owner, q.Lease))
	}
	return out, nil
}

// holding finds the account of an attempt.
func (s *MemoryStore) holding(key Key, generation int64, attempt string) (*Record, error) {
	r := s.accounts[key]
	if r == nil || r.Generation != generation || attempt == "" || r.Attempt != attempt {
		return nil, ErrConflict
	}
	return r, nil
}

// Extend implements [Store].
func (s *MemoryStore) Extend(ctx context.Context, q ExtendRequest) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.holding(q.Key, q.Generation, q.Attempt)
	if err != nil {
		return Record{}, err
	}
	until := s.now().Add(q.Lease)
	r.AttemptUntil, r.Due, r.Doubts = until, until, q.Doubts
	if q.DropFallback {
		r.Fallback = Stash{}
	}
	return s.read(r), nil
}

// Commit implements [Store].
func (s *MemoryStore) Commit(ctx context.Context, q CommitRequest) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[q.Key]
	if r == nil || r.Generation != q.Generation || r.Epoch != q.Epoch {
		return Record{}, ErrConflict
	}
	from := r.State
	r.Generation++
	r.Tokens, r.NoRefresh, r.OrganizationID, r.UserID = q.Tokens, q.NoRefresh, q.OrganizationID, q.UserID
	r.Expires, r.Due, r.Refreshed = s.after(q.ExpiresIn), s.after(q.DueIn), s.now()
	r.Attempt, r.Owner, r.AttemptUntil, r.LastAttempt = "", "", time.Time{}, q.Attempt
	r.Doubts, r.Troubled, r.Failures, r.Failure, r.Fallback = 0, false, 0, "", Stash{}
	r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
	if q.Grant != "" {
		r.Grant = q.Grant
	}
	s.setState(r, Active, "")
	s.note(r, from, q.Note)
	return s.read(r), nil
}

// Release implements [Store].
func (s *MemoryStore) Release(ctx context.Context, q ReleaseRequest) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.holding(q.Key, q.Generation, q.Attempt)
	if err != nil {
		return Record{}, err
	}
	from := r.State
	r.Attempt, r.Owner, r.AttemptUntil = "", "", time.Time{}
	r.Due, r.Failures, r.Failure, r.Doubts, r.Troubled = s.after(q.DueIn), q.Failures, q.Failure, q.Doubts, q.Troubled
	if q.Stash != nil {
		r.Fallback = *q.Stash
		r.Fallback.Until, r.Fallback.TTL = s.after(q.Stash.TTL), 0
	}
	if from == Verifying {
		r.PreviousState, r.PreviousReason = q.State, q.Reason
	} else {
		s.setState(r, q.State, q.Reason)
	}
	s.note(r, from, q.Note)
	return s.read(r), nil
}

// Stash implements [Store].
func (s *MemoryStore) Stash(ctx context.Context, key Key, grant string, st Stash) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[key]
	if r == nil || grant == "" || r.Grant != grant {
		return ErrConflict
	}
	st.Until, st.TTL = s.after(st.TTL), 0
	r.Fallback = st
	return nil
}

// Disconnect implements [Store].
func (s *MemoryStore) Disconnect(ctx context.Context, q DisconnectRequest) (Record, error) {
	if err := ctx.Err(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[q.Key]
	switch {
	case r == nil:
		return Record{}, ErrNotFound
	case r.State == Disconnected:
		return s.read(r), nil
	}
	if !r.Tokens.IsZero() {
		s.queue(Revocation{ID: q.RevocationIDs[0], Key: r.Key, AccountID: r.ID, Purpose: PurposeTokens, Generation: r.Generation, Sealed: r.Tokens})
	}
	if !r.Fallback.IsZero() {
		s.queue(Revocation{ID: q.RevocationIDs[1], Key: r.Key, AccountID: r.ID, Purpose: r.Fallback.Purpose, Generation: r.Fallback.Generation, Sealed: r.Fallback.Sealed})
	}
	from := r.State
	*r = Record{
		ID: r.ID, Key: r.Key, State: r.State, Generation: r.Generation + 1, Epoch: r.Epoch + 1,
		Refreshed: r.Refreshed, Used: r.Used, LastAttempt: r.LastAttempt, Created: r.Created, Changed: r.Changed,
	}
	s.setState(r, Disconnected, q.Reason)
	for id, f := range s.flows {
		if f.Key == q.Key {
			delete(s.flows, id)
		}
	}
	s.note(r, from, q.Note)
	return s.read(r), nil
}

// EndVerification implements [Store].
func (s *MemoryStore) EndVerification(ctx context.Context, key Key, reason Reason, n Note) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[key]
	if r == nil {
		return ErrNotFound
	}
	s.endVerification(r, reason, n)
	return nil
}

func (s *MemoryStore) endVerification(r *Record, reason Reason, n Note) {
	from := r.State
	if from == Verifying {
		s.setState(r, r.PreviousState, r.PreviousReason)
		r.VerifyUntil, r.PreviousState, r.PreviousReason = time.Time{}, "", ""
	}
	if n.Type != "" {
		s.append(Event{Type: n.Type, Key: r.Key, AccountID: r.ID, From: from, To: r.State, Reason: reason, Actor: n.Actor})
	}
}

func (s *MemoryStore) queue(r Revocation) {
	r.Created = s.now()
	s.revocations[r.ID] = &memRevocation{r, s.now()}
}

// QueueRevocation implements [Store].
func (s *MemoryStore) QueueRevocation(ctx context.Context, r Revocation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(r)
	return nil
}

// ClaimRevocations implements [Store].
func (s *MemoryStore) ClaimRevocations(ctx context.Context, q RevocationRequest) ([]Revocation, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*memRevocation
	for _, r := range s.revocations {
		if r.Key == q.Key || q.Key.IsZero() && !r.due.After(s.now()) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *memRevocation) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.ID, b.ID)) })
	var out []Revocation
	for _, r := range due[:min(len(due), max(q.Limit, 0))] {
		r.due = s.now().Add(q.Lease)
		out = append(out, r.Revocation)
	}
	return out, nil
}

// FinishRevocation implements [Store].
func (s *MemoryStore) FinishRevocation(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.revocations, id)
	return nil
}

// CreateFlow implements [Store].
func (s *MemoryStore) CreateFlow(ctx context.Context, f Flow, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addFlow(f, ttl)
	return nil
}

func (s *MemoryStore) addFlow(f Flow, ttl time.Duration) {
	f.Expires = s.now().Add(ttl)
	s.flows[f.ID] = &f
}

func (s *MemoryStore) flow(f *Flow) (Flow, error) {
	if f == nil || !s.now().Before(f.Expires) {
		return Flow{}, ErrNotFound
	}
	c := *f
	c.Now = s.now()
	return c, nil
}

// LoadFlow implements [Store].
func (s *MemoryStore) LoadFlow(ctx context.Context, id Hash) (Flow, error) {
	if err := ctx.Err(); err != nil {
		return Flow{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flow(s.flows[id])
}

// BindFlow implements [Store].
func (s *MemoryStore) BindFlow(ctx context.Context, id, state, cookie Hash, verifier Sealed) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flows[id]
	if f == nil || f.Kind != LinkFlow || !s.now().Before(f.Expires) {
		return ErrNotFound
	}
	f.State, f.Cookie, f.Sealed = state, cookie, verifier
	return nil
}

// ConsumeFlow implements [Store].
func (s *MemoryStore) ConsumeFlow(ctx context.Context, kind FlowKind, h Hash) (Flow, error) {
	if err := ctx.Err(); err != nil {
		return Flow{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h == (Hash{}) {
		return Flow{}, ErrNotFound
	}
	for id, f := range s.flows {
		if f.Kind == kind && (kind == LinkFlow && f.State == h || kind == HeldFlow && id == h) {
			out, err := s.flow(f)
			if err == nil {
				delete(s.flows, id)
			}
			return out, err
		}
	}
	return Flow{}, ErrNotFound
}

// Hold implements [Store].
func (s *MemoryStore) Hold(ctx context.Context, f Flow, ttl time.Duration, actor string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.accounts[f.Key]
	if r == nil || r.Epoch != f.Epoch {
		return ErrConflict
	}
	s.addFlow(f, ttl)
	from := r.State
	if from == Active {
		return nil
	}
	if from != Verifying {
		r.PreviousState, r.PreviousReason = r.State, r.Reason
	}
	r.VerifyUntil = s.now().Add(ttl)
	s.setState(r, Verifying, "")
	s.note(r, from, Note{Type: EventVerifying, Actor: actor})
	return nil
}

// AppendEvent implements [Store].
func (s *MemoryStore) AppendEvent(ctx context.Context, e Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.accounts[e.Key]; r != nil {
		e.AccountID, e.From, e.To = r.ID, r.State, r.State
	}
	s.append(e)
	return nil
}

// ClaimEvents implements [Store].
func (s *MemoryStore) ClaimEvents(ctx context.Context, lease time.Duration, limit int) ([]Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Event
	now := s.now()
	for _, e := range s.events {
		if len(out) < limit && !e.acked && !e.claimed.After(now) {
			e.claimed = now.Add(lease)
			out = append(out, e.Event)
		}
	}
	return out, nil
}

// AckEvents implements [Store].
func (s *MemoryStore) AckEvents(ctx context.Context, ids []int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if slices.Contains(ids, e.ID) {
			e.acked = true
		}
	}
	return nil
}

// ListEvents implements [Store].
func (s *MemoryStore) ListEvents(ctx context.Context, f EventFilter) ([]Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Event
	for _, e := range s.events {
		if len(out) < limitOf(f.Limit) && e.ID > f.After && match(f.Tenant, e.Key.tenant) &&
			match(f.Identifier, e.Key.identifier) && match(f.Connection, e.Key.connection) {
			out = append(out, e.Event)
		}
	}
	return out, nil
}

// LoadHealth implements [Store].
func (s *MemoryStore) LoadHealth(ctx context.Context, connection, fingerprint string) (ConnectionHealth, error) {
	if err := ctx.Err(); err != nil {
		return ConnectionHealth{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.health[[2]string{connection, fingerprint}]; h != nil {
		return h.ConnectionHealth, nil
	}
	return ConnectionHealth{Connection: connection, Fingerprint: fingerprint, State: HealthOK}, nil
}

// SetHealth implements [Store].
func (s *MemoryStore) SetHealth(ctx context.Context, h ConnectionHealth, probe time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := [2]string{h.Connection, h.Fingerprint}
	old := s.health[id]
	from := HealthOK
	if old != nil {
		from = old.State
	}
	if from == h.State {
		if old != nil {
			old.Code = h.Code
		}
		return nil
	}
	h.Since = s.now()
	s.health[id] = &memHealth{h, s.now().Add(probe)}
	s.append(Event{
		Type: EventHealth, Key: Principal{}.Key(h.Connection), From: State(from), To: State(h.State),
		Reason: Reason(h.Code), Actor: "system",
	})
	return nil
}

// ClaimProbe implements [Store].
func (s *MemoryStore) ClaimProbe(ctx context.Context, connection, fingerprint string, every time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.health[[2]string{connection, fingerprint}]
	if h == nil {
		return true, nil // never anything but OK
	}
	if h.probe.After(s.now()) {
		return false, nil
	}
	h.probe = s.now().Add(every)
	return true, nil
}

// Now implements [Store].
func (s *MemoryStore) Now(ctx context.Context) (time.Time, error) { return s.now(), ctx.Err() }

// Sentinel implements [Store].
func (s *MemoryStore) Sentinel(ctx context.Context, b Sealed) (Sealed, error) {
	if err := ctx.Err(); err != nil {
		return Sealed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sentinel.IsZero() {
		s.sentinel = b
	}
	return s.sentinel, nil
}

// Stats implements [Store].
func (s *MemoryStore) Stats(ctx context.Context) (Stats, error) {
	if err := ctx.Err(); err != nil {
		return Stats{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	st := Stats{Accounts: map[string]map[State]int64{}, Flows: int64(len(s.flows)), Revocations: int64(len(s.revocations))}
	for k, r := range s.accounts {
		if st.Accounts[k.connection] == nil {
			st.Accounts[k.connection] = map[State]int64{}
		}
		st.Accounts[k.connection][r.State]++
		if !r.Due.IsZero() && !r.Due.After(now) && s.claimable(r) {
			st.Due++
			st.Lag = max(st.Lag, now.Sub(r.Due))
		}
		if r.Doubts > 0 || r.Attempt != "" && !now.Before(r.AttemptUntil) {
			st.InDoubt++
		}
	}
	for _, e := range s.events {
		if !e.acked {
			st.PendingEvents++
		}
	}
	return st, nil
}

// KeyUse implements [Store].
func (s *MemoryStore) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	use := map[uint32]int64{}
	count := func(b Sealed) {
		if !b.IsZero() {
			use[b.KeyID]++
		}
	}
	count(s.sentinel)
	for _, r := range s.accounts {
		count(r.Tokens)
		count(r.Fallback.Sealed)
	}
	for _, f := range s.flows {
		count(f.Sealed)
	}
	for _, r := range s.revocations {
		count(r.Sealed)
	}
	return use, nil
}

// sealed visits all blobs that are resealed.
func (s *MemoryStore) sealed(visit func(row SealedRow, at *Sealed)) {
	visit(SealedRow{Ref: "sentinel", Purpose: PurposeSentinel, Sealed: s.sentinel}, &s.sentinel)
	for _, r := range s.accounts {
		visit(SealedRow{"account/" + r.ID, r.Key, r.ID, PurposeTokens, r.Generation, r.Tokens}, &r.Tokens)
		visit(SealedRow{"fallback/" + r.ID, r.Key, r.ID, r.Fallback.Purpose, r.Fallback.Generation, r.Fallback.Sealed}, &r.Fallback.Sealed)
	}
	for _, r := range s.revocations {
		visit(SealedRow{"revocation/" + r.ID, r.Key, r.AccountID, r.Purpose, r.Generation, r.Sealed}, &r.Sealed)
	}
}

// SealedBy implements [Store].
func (s *MemoryStore) SealedBy(ctx context.Context, not uint32, after string, limit int) ([]SealedRow, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []SealedRow
	s.sealed(func(row SealedRow, at *Sealed) {
		if !at.IsZero() && at.KeyID != not && row.Ref > after {
			out = append(out, row)
		}
	})
	slices.SortFunc(out, func(a, b SealedRow) int { return cmp.Compare(a.Ref, b.Ref) })
	return out[:min(len(out), limit)], nil
}

// Reseal implements [Store].
func (s *MemoryStore) Reseal(ctx context.Context, row SealedRow, b Sealed) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := fmt.Errorf("%w: the blob %s is not what it was", ErrConflict, row.Ref)
	s.sealed(func(now SealedRow, at *Sealed) {
		if now.Ref == row.Ref && now.Generation == row.Generation && bytes.Equal(now.Sealed.Blob, row.Sealed.Blob) {
			*at, err = b, nil
		}
	})
	return err
}

// Sweep implements [Store].
func (s *MemoryStore) Sweep(ctx context.Context, q SweepRequest) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, n := s.now(), 0
	lapsed := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	for id, f := range s.flows {
		if lapsed(f.Expires) {
			delete(s.flows, id)
			n++
		}
	}
	for _, r := range s.accounts {
		if r.State == Verifying && lapsed(r.VerifyUntil) {
			s.endVerification(r, VerificationTimeout, Note{Type: EventVerificationFailed, Actor: "system"})
			n++
		}
		if lapsed(r.Fallback.Until) {
			r.Fallback = Stash{}
			n++
		}
		if r.State == Revoked && !r.Tokens.IsZero() && lapsed(r.Changed.Add(q.RevokedFor)) {
			r.Tokens = Sealed{}
			n++
		}
	}
	for id, r := range s.revocations {
		if lapsed(r.Created.Add(q.RevocationsFor)) {
			delete(s.revocations, id)
			e := Event{Type: EventRevocationFailed, Key: r.Key, AccountID: r.AccountID, Actor: "system"}
			if a := s.accounts[r.Key]; a != nil {
				e.From, e.To = a.State, a.State
			}
			s.append(e)
			n++
		}
	}
	before := len(s.events)
	s.events = slices.DeleteFunc(s.events, func(e *memEvent) bool { return e.acked && lapsed(e.At.Add(q.EventsFor)) })
	return n + before - len(s.events), nil
}

var _ Store = (*MemoryStore)(nil)
