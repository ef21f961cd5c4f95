package accounts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// NewStore returns a [Store] that keeps its rows in tx: each method reads what
// it needs, applies the rules of [Store] and writes the result, in one
// transaction.
//
// Stats, KeyUse and SealedBy read all rows, in pages. A store of many accounts
// may embed the result and override them; the rows of SealedBy are named as
// they are here, or Reseal is overridden too.
func NewStore(tx TxStore) Store { return rowStore{tx} }

// rowStore implements [Store].
type rowStore struct{ rows TxStore }

var _ Store = rowStore{}

// update runs f in a transaction and returns its result.
func update[T any](ctx context.Context, s rowStore, f func(Tx) (T, error)) (T, error) {
	return result(ctx, s.rows.Update, f)
}

// view runs f, which only reads, and returns its result.
func view[T any](ctx context.Context, s rowStore, f func(Tx) (T, error)) (T, error) {
	return result(ctx, s.rows.View, f)
}

func result[T any](ctx context.Context, run func(context.Context, func(Tx) error) error, f func(Tx) (T, error)) (out T, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	err = run(ctx, func(tx Tx) (err error) {
		out, err = f(tx)
		return err
	})
	if err != nil {
		return *new(T), err
	}
	return out, nil
}

// save writes what became of a transition.
func save(tx Tx, t *transition) error {
	for _, r := range t.revocations {
		if err := tx.PutRevocation(r); err != nil {
			return err
		}
	}
	if t.dropFlows {
		if _, err := deleteFlows(tx, FlowQuery{Key: t.Key}); err != nil {
			return err
		}
	}
	for _, f := range t.flows {
		if err := tx.PutFlow(f); err != nil {
			return err
		}
	}
	for _, e := range t.events {
		if err := tx.PutEvent(StoredEvent{Event: e}); err != nil {
			return err
		}
	}
	return tx.PutAccount(t.Record)
}

// change applies a transition to the account of a key. If there is none, the
// error is missing.
func (s rowStore) change(ctx context.Context, key Key, missing error, f func(*transition) error) (Record, error) {
	return update(ctx, s, func(tx Tx) (Record, error) {
		r, err := tx.Account(key)
		if errors.Is(err, ErrNotFound) {
			err = missing
		}
		if err != nil {
			return Record{}, err
		}
		t := transit(r, tx.Now())
		if err := f(t); err != nil {
			return Record{}, err
		}
		return t.Record, save(tx, t)
	})
}

// Ensure implements [Store].
func (s rowStore) Ensure(ctx context.Context, id string, key Key, actor string) (Record, bool, error) {
	r, err := s.Load(ctx, key) // the usual case changes nothing
	if !errors.Is(err, ErrNotFound) {
		return r, false, err
	}
	made := false
	r, err = update(ctx, s, func(tx Tx) (Record, error) {
		r, err := tx.Account(key)
		made = errors.Is(err, ErrNotFound)
		if !made {
			r.Now = tx.Now()
			return r, err
		}
		t := create(id, key, actor, tx.Now())
		return t.Record, save(tx, t)
	})
	return r, made && err == nil, err
}

// Load implements [Store].
func (s rowStore) Load(ctx context.Context, key Key) (Record, error) {
	return view(ctx, s, func(tx Tx) (Record, error) {
		r, err := tx.Account(key)
		r.Now = tx.Now()
		return r, err
	})
}

// pageOf is the length of a page of [AccountStore.List] and
// [EventStore.ListEvents].
func pageOf(limit int) int {
	if limit <= 0 {
		return 100
	}
	return limit
}

// List implements [Store].
func (s rowStore) List(ctx context.Context, f ListFilter) ([]Record, error) {
	return view(ctx, s, func(tx Tx) ([]Record, error) {
		list, err := tx.Accounts(AccountQuery{
			Tenant: f.Tenant, Identifier: f.Identifier, Connection: f.Connection, State: f.State, After: f.After, Limit: pageOf(f.Limit),
		})
		now := tx.Now()
		for i := range list {
			list[i].Now = now
		}
		return list, err
	})
}

// Touch implements [Store].
func (s rowStore) Touch(ctx context.Context, keys []Key) error {
	_, err := update(ctx, s, func(tx Tx) (none struct{}, err error) {
		for _, key := range keys {
			r, err := tx.Account(key)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return none, err
			}
			t := transit(r, tx.Now())
			t.touch()
			if err := save(tx, t); err != nil {
				return none, err
			}
		}
		return none, nil
	})
	return err
}

// Claim implements [Store].
func (s rowStore) Claim(ctx context.Context, q ClaimRequest) (Record, error) {
	return s.change(ctx, q.Key, ErrNotFound, func(t *transition) error { return t.claim(q) })
}

// ClaimDue implements [Store].
func (s rowStore) ClaimDue(ctx context.Context, q DueRequest) ([]Record, error) {
	if q.Limit <= 0 {
		return nil, ctx.Err()
	}
	return update(ctx, s, func(tx Tx) ([]Record, error) {
		now := tx.Now()
		list, err := tx.Accounts(AccountQuery{Connection: q.Connection, Deadline: RenewalDue, By: now, Keys: q.Keys, Limit: q.Limit})
		if err != nil {
			return nil, err
		}
		for i, r := range list {
			t := transit(r, now)
			if err := t.claim(ClaimRequest{r.Key, r.Generation, q.Attempt, q.Owner, q.Lease}); err != nil {
				return nil, err
			}
			if err := save(tx, t); err != nil {
				return nil, err
			}
			list[i] = t.Record
		}
		return list, nil
	})
}

// Extend implements [Store].
func (s rowStore) Extend(ctx context.Context, q ExtendRequest) (Record, error) {
	return s.change(ctx, q.Key, ErrConflict, func(t *transition) error { return t.extend(q) })
}

// Commit implements [Store].
func (s rowStore) Commit(ctx context.Context, q CommitRequest) (Record, error) {
	return s.change(ctx, q.Key, ErrConflict, func(t *transition) error { return t.commit(q) })
}

// Release implements [Store].
func (s rowStore) Release(ctx context.Context, q ReleaseRequest) (Record, error) {
	return s.change(ctx, q.Key, ErrConflict, func(t *transition) error { return t.release(q) })
}

// Stash implements [Store].
func (s rowStore) Stash(ctx context.Context, key Key, grant string, st Stash) error {
	_, err := s.change(ctx, key, ErrConflict, func(t *transition) error { return t.stash(grant, st) })
	return err
}

// Disconnect implements [Store].
func (s rowStore) Disconnect(ctx context.Context, q DisconnectRequest) (Record, error) {
	return s.change(ctx, q.Key, ErrNotFound, func(t *transition) error { t.disconnect(q); return nil })
}

// EndVerification implements [Store].
func (s rowStore) EndVerification(ctx context.Context, key Key, reason Reason, n Note) error {
	_, err := s.change(ctx, key, ErrNotFound, func(t *transition) error { t.endVerification(reason, n); return nil })
	return err
}

// Hold implements [Store].
func (s rowStore) Hold(ctx context.Context, f Flow, ttl time.Duration, actor string) error {
	_, err := s.change(ctx, f.Key, ErrConflict, func(t *transition) error { return t.hold(f, ttl, actor) })
	return err
}

// write runs f in a transaction.
func (s rowStore) write(ctx context.Context, f func(Tx) error) error {
	_, err := update(ctx, s, func(tx Tx) (struct{}, error) { return struct{}{}, f(tx) })
	return err
}

// QueueRevocation implements [Store].
func (s rowStore) QueueRevocation(ctx context.Context, r Revocation) error {
	return s.write(ctx, func(tx Tx) error { return tx.PutRevocation(queued(r, tx.Now())) })
}

// ClaimRevocations implements [Store].
func (s rowStore) ClaimRevocations(ctx context.Context, q RevocationRequest) ([]Revocation, error) {
	if q.Limit <= 0 {
		return nil, ctx.Err()
	}
	return update(ctx, s, func(tx Tx) ([]Revocation, error) {
		now := tx.Now()
		query := RevocationQuery{Key: q.Key, Limit: q.Limit}
		if q.Key.IsZero() {
			query.DueBy, query.Beyond = now, now.Add(max(q.Lease, LongestLease))
		}
		list, err := tx.Revocations(query)
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].Due = now.Add(max(q.Lease, 0))
			if err := tx.PutRevocation(list[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	})
}

// FinishRevocation implements [Store].
func (s rowStore) FinishRevocation(ctx context.Context, id string) error {
	return s.write(ctx, func(tx Tx) error { return tx.DeleteRevocation(id) })
}

// CreateFlow implements [Store].
func (s rowStore) CreateFlow(ctx context.Context, f Flow, ttl time.Duration) error {
	return s.write(ctx, func(tx Tx) error {
		f.Expires = tx.Now().Add(max(ttl, 0))
		return tx.PutFlow(f)
	})
}

// openFlow reads a flow, unless it has lapsed.
func openFlow(tx Tx, id Hash) (Flow, error) {
	if id == (Hash{}) { // selects all
		return Flow{}, ErrNotFound
	}
	list, err := tx.Flows(FlowQuery{ID: id, Limit: 1})
	switch {
	case err != nil:
		return Flow{}, err
	case len(list) == 0:
		return Flow{}, ErrNotFound
	}
	f := list[0]
	f.Now = tx.Now()
	return f, f.open(f.Now)
}

// LoadFlow implements [Store].
func (s rowStore) LoadFlow(ctx context.Context, id Hash) (Flow, error) {
	return view(ctx, s, func(tx Tx) (Flow, error) { return openFlow(tx, id) })
}

// ConsumeFlow implements [Store].
func (s rowStore) ConsumeFlow(ctx context.Context, kind FlowKind, id Hash) (Flow, error) {
	return update(ctx, s, func(tx Tx) (Flow, error) {
		f, err := openFlow(tx, id)
		if err == nil && f.Kind != kind {
			err = ErrNotFound
		}
		if err != nil {
			return Flow{}, err
		}
		return f, tx.DeleteFlow(f.ID)
	})
}

func deleteFlows(tx Tx, q FlowQuery) (int, error) {
	list, err := tx.Flows(q)
	for _, f := range list {
		if err == nil {
			err = tx.DeleteFlow(f.ID)
		}
	}
	return len(list), err
}

// AppendEvent implements [Store].
func (s rowStore) AppendEvent(ctx context.Context, e Event) error {
	return s.write(ctx, func(tx Tx) error {
		e, err := e.about(tx.Account(e.Key))
		if err != nil {
			return err
		}
		e.ID, e.At = 0, tx.Now()
		return tx.PutEvent(StoredEvent{Event: e})
	})
}

// ClaimEvents implements [Store].
func (s rowStore) ClaimEvents(ctx context.Context, lease time.Duration, limit int) ([]Event, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	return update(ctx, s, func(tx Tx) ([]Event, error) {
		now := tx.Now()
		list, err := tx.Events(EventQuery{Pending: true, ClaimableBy: now, Beyond: now.Add(max(lease, LongestLease)), Limit: limit})
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			e.Claimed = now.Add(max(lease, 0))
			if err := tx.PutEvent(e); err != nil {
				return nil, err
			}
		}
		return plain(list), nil
	})
}

// plain leaves out what only the store needs.
func plain(list []StoredEvent) (out []Event) {
	for _, e := range list {
		out = append(out, e.Event)
	}
	return out
}

// AckEvents implements [Store].
func (s rowStore) AckEvents(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, func(tx Tx) error {
		list, err := tx.Events(EventQuery{IDs: ids})
		for _, e := range list {
			if err == nil {
				e.Acked = true
				err = tx.PutEvent(e)
			}
		}
		return err
	})
}

// ListEvents implements [Store].
func (s rowStore) ListEvents(ctx context.Context, f EventFilter) ([]Event, error) {
	return view(ctx, s, func(tx Tx) ([]Event, error) {
		list, err := tx.Events(EventQuery{
			Tenant: f.Tenant, Identifier: f.Identifier, Connection: f.Connection, After: f.After, Limit: pageOf(f.Limit),
		})
		return plain(list), err
	})
}

// healthOf reads the health of a configuration, which is OK if it was never
// set, and reports whether it was.
func healthOf(tx Tx, connection, fingerprint string) (h ConnectionHealth, probe time.Time, set bool, err error) {
	h, probe, err = tx.Health(connection, fingerprint)
	if errors.Is(err, ErrNotFound) {
		return ConnectionHealth{Connection: connection, Fingerprint: fingerprint, State: HealthOK}, time.Time{}, false, nil
	}
	return h, probe, err == nil, err
}

// LoadHealth implements [Store].
func (s rowStore) LoadHealth(ctx context.Context, connection, fingerprint string) (ConnectionHealth, error) {
	return view(ctx, s, func(tx Tx) (ConnectionHealth, error) {
		h, _, _, err := healthOf(tx, connection, fingerprint)
		return h, err
	})
}

// SetHealth implements [Store].
func (s rowStore) SetHealth(ctx context.Context, h ConnectionHealth, probe time.Duration) error {
	return s.write(ctx, func(tx Tx) error {
		was, due, set, err := healthOf(tx, h.Connection, h.Fingerprint)
		if err != nil || !set && h.State == was.State {
			return err
		}
		is, event := setHealth(was, h, tx.Now())
		if event != nil {
			due = tx.Now().Add(max(probe, 0))
			if err := tx.PutEvent(StoredEvent{Event: *event}); err != nil {
				return err
			}
		}
		return tx.PutHealth(is, due)
	})
}

// ClaimProbe implements [Store].
func (s rowStore) ClaimProbe(ctx context.Context, connection, fingerprint string, every time.Duration) (bool, error) {
	return update(ctx, s, func(tx Tx) (bool, error) {
		h, probe, set, err := healthOf(tx, connection, fingerprint)
		switch {
		case err != nil:
			return false, err
		case !set:
			return true, nil // never anything but OK
		case probe.After(tx.Now()) && !probe.After(tx.Now().Add(max(every, LongestLease))):
			return false, nil
		}
		return true, tx.PutHealth(h, tx.Now().Add(max(every, 0)))
	})
}

// Now implements [Store].
func (s rowStore) Now(ctx context.Context) (time.Time, error) {
	return view(ctx, s, func(tx Tx) (time.Time, error) { return tx.Now(), nil })
}

// Sentinel implements [Store].
func (s rowStore) Sentinel(ctx context.Context, b Sealed) (Sealed, error) {
	return update(ctx, s, func(tx Tx) (Sealed, error) {
		old, err := tx.Sentinel()
		if !errors.Is(err, ErrNotFound) || b.IsZero() {
			return old, ignoreNotFound(err)
		}
		return b, tx.PutSentinel(b)
	})
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// rowsAtOnce is how many accounts are read at once by what reads all.
const rowsAtOnce = 10_000

// eachAccount visits the accounts after an ID, in the order of their IDs, until
// visit reports that it needs no more.
func eachAccount(tx Tx, after string, visit func(*Record) (more bool)) error {
	for {
		list, err := tx.Accounts(AccountQuery{After: after, Limit: rowsAtOnce})
		if err != nil {
			return err
		}
		for i := range list {
			if !visit(&list[i]) {
				return nil
			}
			after = list[i].ID
		}
		if len(list) < rowsAtOnce {
			return nil
		}
	}
}

// Stats implements [Store].
func (s rowStore) Stats(ctx context.Context) (Stats, error) {
	return view(ctx, s, func(tx Tx) (Stats, error) {
		now := tx.Now()
		st := Stats{Accounts: map[string]map[State]int64{}}
		due := AccountQuery{Deadline: RenewalDue, By: now}
		err := eachAccount(tx, "", func(r *Record) bool {
			if st.Accounts[r.Key.connection] == nil {
				st.Accounts[r.Key.connection] = map[State]int64{}
			}
			st.Accounts[r.Key.connection][r.State]++
			if due.Match(r) {
				st.Due++
				st.Lag = max(st.Lag, now.Sub(r.Due))
			}
			if r.Doubts > 0 || r.Attempt != "" && !r.live(now) {
				st.InDoubt++
			}
			return true
		})
		if err != nil {
			return Stats{}, err
		}
		flows, err := tx.Flows(FlowQuery{})
		if err != nil {
			return Stats{}, err
		}
		revocations, err := tx.Revocations(RevocationQuery{})
		if err != nil {
			return Stats{}, err
		}
		events, err := tx.Events(EventQuery{Pending: true})
		st.Flows, st.Revocations, st.PendingEvents = int64(len(flows)), int64(len(revocations)), int64(len(events))
		return st, err
	})
}

// KeyUse implements [Store].
func (s rowStore) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	return view(ctx, s, func(tx Tx) (map[uint32]int64, error) {
		use := map[uint32]int64{}
		count := func(b Sealed) {
			if !b.IsZero() {
				use[b.KeyID]++
			}
		}
		sentinel, err := tx.Sentinel()
		if err := ignoreNotFound(err); err != nil {
			return nil, err
		}
		count(sentinel)
		err = eachAccount(tx, "", func(r *Record) bool {
			count(r.Tokens)
			count(r.Fallback.Sealed)
			return true
		})
		if err != nil {
			return nil, err
		}
		flows, err := tx.Flows(FlowQuery{})
		for _, f := range flows {
			count(f.Sealed)
		}
		if err != nil {
			return nil, err
		}
		revocations, err := tx.Revocations(RevocationQuery{})
		for _, r := range revocations {
			count(r.Sealed)
		}
		return use, err
	})
}

// SealedBy implements [Store].
func (s rowStore) SealedBy(ctx context.Context, not uint32, after string, limit int) ([]SealedRow, error) {
	return view(ctx, s, func(tx Tx) ([]SealedRow, error) {
		var out []SealedRow
		take := func(row SealedRow) (more bool) {
			if len(out) < limit && row.Ref > after && !row.Sealed.IsZero() && row.Sealed.KeyID != not {
				out = append(out, row)
			}
			return len(out) < limit
		}
		for _, c := range []struct {
			prefix string
			row    func(Record) SealedRow
		}{{tokensRef, tokensRow}, {fallbackRef, fallbackRow}} {
			id, inside := strings.CutPrefix(after, c.prefix)
			switch {
			case len(out) >= limit, !inside && after > c.prefix:
				continue
			case !inside:
				id = ""
			}
			err := eachAccount(tx, id, func(r *Record) bool { return take(c.row(*r)) })
			if err != nil {
				return nil, err
			}
		}
		revocations, err := tx.Revocations(RevocationQuery{})
		if err != nil {
			return nil, err
		}
		slices.SortFunc(revocations, func(a, b Revocation) int { return cmp.Compare(a.ID, b.ID) })
		for _, r := range revocations {
			take(revocationRow(r))
		}
		sentinel, err := tx.Sentinel()
		take(sentinelRow(sentinel))
		return out, ignoreNotFound(err)
	})
}

// Reseal implements [Store].
func (s rowStore) Reseal(ctx context.Context, row SealedRow, b Sealed) error {
	err := s.write(ctx, func(tx Tx) error {
		if row.Ref == sentinelRef {
			sentinel, err := tx.Sentinel()
			if err != nil {
				return err
			}
			if err := replace(&sentinel, sentinelRow(sentinel), row, b); err != nil {
				return err
			}
			return tx.PutSentinel(sentinel)
		}
		if id, ok := strings.CutPrefix(row.Ref, revocationRef); ok {
			list, err := tx.Revocations(RevocationQuery{ID: id, Limit: 1})
			if err != nil || len(list) == 0 {
				return cmp.Or(err, ErrNotFound)
			}
			r := list[0]
			if err := replace(&r.Sealed, revocationRow(r), row, b); err != nil {
				return err
			}
			return tx.PutRevocation(r)
		}
		r, err := tx.Account(row.Key)
		if err != nil {
			return err
		}
		t := transit(r, tx.Now())
		if err := t.reseal(row, b); err != nil {
			return err
		}
		return save(tx, t)
	})
	if errors.Is(err, ErrNotFound) {
		err = errResealed(row)
	}
	return err
}

// Sweep implements [Store].
func (s rowStore) Sweep(ctx context.Context, q SweepRequest) (int, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	return update(ctx, s, func(tx Tx) (int, error) {
		now := tx.Now()
		swept, err := deleteFlows(tx, FlowQuery{ExpiredBy: now, Limit: limit})
		if err != nil {
			return 0, err
		}
		for _, d := range []struct {
			deadline Deadline
			age      time.Duration
		}{{VerificationEnds, 0}, {FallbackEnds, 0}, {RevokedSince, q.RevokedFor}} {
			list, err := tx.Accounts(AccountQuery{Deadline: d.deadline, By: now.Add(-d.age), Limit: limit})
			if err != nil {
				return 0, err
			}
			for _, r := range list {
				t := transit(r, now)
				t.lapse(d.deadline)
				if err := save(tx, t); err != nil {
					return 0, err
				}
			}
			swept += len(list)
		}
		revocations, err := tx.Revocations(RevocationQuery{CreatedBy: now.Add(-q.RevocationsFor), Limit: limit})
		if err != nil {
			return 0, err
		}
		for _, r := range revocations {
			e, err := givenUp(r, now).about(tx.Account(r.Key))
			if err != nil {
				return 0, err
			}
			e.AccountID = r.AccountID
			if err := errors.Join(tx.PutEvent(StoredEvent{Event: e}), tx.DeleteRevocation(r.ID)); err != nil {
				return 0, err
			}
		}
		events, err := tx.Events(EventQuery{AckedBy: now.Add(-q.EventsFor), Limit: limit})
		if err != nil {
			return 0, err
		}
		for _, e := range events {
			if err := tx.DeleteEvent(e.ID); err != nil {
				return 0, err
			}
		}
		return swept + len(revocations) + len(events), nil
	})
}
