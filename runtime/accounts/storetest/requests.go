package storetest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

// flowIDs are few, so that requests meet.
var flowIDs = []accounts.Hash{{1, 0}, {1, 1}, {1, 2}}

// configurations have a health.
var configurations = [][2]string{{connection, "f1"}, {connection, "f2"}, {"other", "f1"}}

// keys are few, so that requests meet.
func keys() (out []accounts.Key) {
	for _, n := range [][3]string{{"t", "ada", connection}, {"t", "bob", connection}, {"T", "ada", connection}, {"t", "ada", "other"}, {"t", "\xff'", connection}} {
		p, err := accounts.NewPrincipal(n[0], n[1])
		if err != nil {
			panic(err)
		}
		out = append(out, p.Key(n[2]))
	}
	return out
}

func pick[T any](c *comparison, from ...T) T { return from[c.random.IntN(len(from))] }

// often returns usual nine times of ten.
func often[T any](c *comparison, usual T, rarely ...T) T {
	if c.random.IntN(10) < 9 {
		return usual
	}
	return pick(c, rarely...)
}

// betweenRequests passes from one request to the next.
const betweenRequests = time.Millisecond

// life is a duration: over at once, or not before much time passes. On a clock
// that stands still between requests, no two end at the same time.
func (c *comparison) life() time.Duration {
	d := pick(c, 0, time.Hour, 2*time.Hour, 24*time.Hour)
	switch {
	case !c.still:
		return d
	case c.random.IntN(8) == 0:
		return betweenRequests // it ends at the very time of the next request
	}
	return d + time.Duration(c.count)*time.Microsecond
}

// lifeOrNever may be negative.
// lease is a length of a lease of an attempt: too long sometimes, so that it is
// none.
func (c *comparison) lease() time.Duration {
	if d := c.life(); d == 0 || d == betweenRequests || c.random.IntN(4) == 0 {
		return d
	}
	return time.Minute + time.Duration(c.count)*time.Microsecond
}

func (c *comparison) lifeOrNever() time.Duration { return often(c, c.life(), -1, -time.Hour) }

func (c *comparison) sealed() accounts.Sealed {
	return accounts.Sealed{Blob: fmt.Appendf(nil, "blob %d", c.count), KeyID: pick[uint32](c, 1, 2, 3)}
}

func (c *comparison) note() accounts.Note {
	return accounts.Note{
		Type:  often(c, pick(c, accounts.EventConnected, accounts.EventExpired), ""),
		Actor: pick(c, "host", "user"), Always: c.random.IntN(3) == 0,
	}
}

func (c *comparison) stash() accounts.Stash {
	return accounts.Stash{
		Sealed: often(c, c.sealed(), accounts.Sealed{}), Purpose: pick(c, accounts.PurposeFallback, accounts.PurposeQuarantine),
		Generation: c.random.Int64N(5), TTL: c.life(),
	}
}

// asItIs stands for what an account has when a request is made.
const asItIs = "<as it is>"

// aim returns an account as a request is to mean it: mostly as it is. The
// numbers are added to those that it has when the request is made, so that a
// request means the same after others were left out.
func (c *comparison) aim(key accounts.Key) accounts.Record {
	return accounts.Record{
		Key: key, Generation: often[int64](c, 0, 1, -1), Epoch: often[int64](c, 0, 1, -1),
		Attempt: often(c, asItIs, "", "another"), Grant: often(c, asItIs, "", "another"),
	}
}

// resolve returns the account that a request means.
func resolve(ctx context.Context, s accounts.Store, r accounts.Record) accounts.Record {
	now, err := s.Load(ctx, r.Key)
	if err != nil {
		now = accounts.Record{}
	}
	r.Generation += now.Generation
	r.Epoch += now.Epoch
	if r.Attempt == asItIs {
		r.Attempt = now.Attempt
	}
	if r.Grant == asItIs {
		r.Grant = now.Grant
	}
	return r
}

func (c *comparison) flow(r accounts.Record, kind accounts.FlowKind) accounts.Flow {
	f := accounts.Flow{
		ID: pick(c, flowIDs...), Kind: kind, Key: r.Key, AccountID: "id of the flow", Epoch: r.Epoch,
		OutOfBand: c.random.IntN(2) == 0, ReturnTo: pick(c, "", "home"), NewIdentity: c.random.IntN(2) == 0,
	}
	if kind == accounts.HeldFlow {
		f.Sealed = c.sealed()
	}
	return f
}

// step makes a request of the name of a method, its arguments and how to call
// it.
func step(name string, args []any, call func(context.Context, accounts.Store) (any, error)) request {
	var texts []string
	for _, a := range args {
		texts = append(texts, format(reflect.ValueOf(a)))
	}
	return request{text: name + "(" + strings.Join(texts, ", ") + ")", call: call}
}

func only(err error) (any, error) { return nil, err }

// format leaves out the empty fields of a value.
func format(v reflect.Value) string {
	switch a := v.Interface().(type) {
	case accounts.Key:
		return a.String()
	case accounts.Hash:
		return fmt.Sprintf("%x", a[:2])
	case []byte:
		return fmt.Sprintf("%q", a)
	case time.Duration, time.Time:
		return fmt.Sprint(a)
	}
	switch v.Kind() { //nolint:exhaustive // the others print as they are
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				fields = append(fields, v.Type().Field(i).Name+": "+format(v.Field(i)))
			}
		}
		return v.Type().Name() + "{" + strings.Join(fields, ", ") + "}"
	case reflect.Slice:
		var list []string
		for i := range v.Len() {
			list = append(list, format(v.Index(i)))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case reflect.Pointer:
		return "&" + format(v.Elem())
	case reflect.String:
		return fmt.Sprintf("%q", v)
	}
	return fmt.Sprint(v)
}

// next makes a request that may matter to a store as it is now.
func (c *comparison) next(s accounts.Store) request {
	c.count++
	list, err := s.List(c.ctx, accounts.ListFilter{Limit: 1000})
	if err != nil {
		panic(err)
	}
	var now accounts.Record
	if c.count == 1 || c.random.IntN(2) == 0 { // else the same as before, so that requests build on each other
		c.key = pick(c, keys()...)
	}
	r := c.aim(c.key)
	if at := slices.IndexFunc(list, func(known accounts.Record) bool { return known.Key == r.Key }); at >= 0 {
		now = list[at]
	}
	makers := []func(accounts.Record) request{
		c.ensure, c.claim, c.claim, c.commit, c.commit, c.commit, c.release, c.release, c.release, c.extend, c.stashRequest,
		c.disconnect, c.hold, c.endVerification, c.createFlow, c.consumeFlow, c.queueRevocation,
		c.claimRevocations, c.finishRevocation, c.appendEvent, c.claimEvents, c.ackEvents, c.setHealth, c.claimProbe, c.touch, c.sentinel,
		func(accounts.Record) request { return c.claimDue(list) },
		func(accounts.Record) request { return c.reseal(s) },
		func(accounts.Record) request { return c.sweep() },
	}
	if c.random.IntN(2) == 0 {
		makers = c.fitting(now)
	}
	q := pick(c, makers...)(r)
	q.key, q.pass = r.Key, betweenRequests
	if c.random.IntN(20) == 0 {
		q.pass = pick(c, time.Hour, 3*time.Hour, 25*time.Hour)
		q.text = fmt.Sprintf("after %v: %s", q.pass, q.text)
	}
	return q
}

// fitting returns requests that are likely to succeed with an account.
func (c *comparison) fitting(now accounts.Record) []func(accounts.Record) request {
	switch {
	case now.ID == "":
		return []func(accounts.Record) request{c.ensure}
	case now.State == accounts.Verifying && now.Attempt != "":
		return []func(accounts.Record) request{c.release, c.release, c.extend, c.commit}
	case now.State == accounts.Verifying:
		return []func(accounts.Record) request{c.endVerification, c.consumeFlow, c.commit, c.hold}
	case now.Attempt != "" && now.State == accounts.Expired:
		return []func(accounts.Record) request{c.hold, c.hold, c.release, c.extend, c.commit}
	case now.Attempt != "":
		return []func(accounts.Record) request{c.release, c.release, c.extend, c.commit}
	case now.State == accounts.Active, now.State == accounts.Expired:
		return []func(accounts.Record) request{c.claim, c.claim, c.stashRequest, c.disconnect}
	}
	return []func(accounts.Record) request{c.commit, c.hold, c.createFlow, c.consumeFlow}
}

func (c *comparison) ensure(r accounts.Record) request {
	id := fmt.Sprintf("id%05d", c.count)
	return step("Ensure", []any{id, r.Key, "host"}, func(ctx context.Context, s accounts.Store) (any, error) {
		r, made, err := s.Ensure(ctx, id, r.Key, "host")
		return []any{r, made}, err
	})
}

func (c *comparison) claim(r accounts.Record) request {
	q := accounts.ClaimRequest{Key: r.Key, Generation: r.Generation, Attempt: fmt.Sprint("attempt", c.count), Owner: "me", Lease: c.lease()}
	return step("Claim", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) {
		q := q
		q.Generation = resolve(ctx, s, r).Generation
		return s.Claim(ctx, q)
	})
}

func (c *comparison) claimDue(list []accounts.Record) request {
	q := accounts.DueRequest{
		Connection: often(c, connection, "other"), Attempt: fmt.Sprint("batch", c.count), Owner: "me", Lease: c.lease(), Limit: pick(c, 0, 1, 2, 10),
		Keys: pick(c, nil, nil, nil, []uint32{1, 3}, []uint32{}),
	}
	seen := map[time.Time]bool{}
	for _, r := range list {
		if seen[r.Due] { // which of them comes first is left open
			q.Limit = 10
		}
		seen[r.Due] = true
	}
	return step("ClaimDue", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) { return s.ClaimDue(ctx, q) })
}

func (c *comparison) extend(r accounts.Record) request {
	q := accounts.ExtendRequest{
		Key: r.Key, Generation: r.Generation, Attempt: r.Attempt, Lease: c.lease(), Doubts: c.random.IntN(3), DropFallback: c.random.IntN(2) == 0,
	}
	return step("Extend", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) {
		q, now := q, resolve(ctx, s, r)
		q.Generation, q.Attempt = now.Generation, now.Attempt
		return s.Extend(ctx, q)
	})
}

func (c *comparison) commit(r accounts.Record) request {
	q := accounts.CommitRequest{
		Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: r.Attempt, Grant: pick(c, "", fmt.Sprint("grant", c.count)),
		Tokens: c.sealed(), NoRefresh: c.random.IntN(4) == 0, OrganizationID: pick(c, "", "orga_1"), UserID: pick(c, "", "user_1"),
		ExpiresIn: c.lifeOrNever(), DueIn: c.lifeOrNever(), Note: c.note(),
	}
	return step("Commit", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) {
		q, now := q, resolve(ctx, s, r)
		q.Generation, q.Epoch, q.Attempt = now.Generation, now.Epoch, now.Attempt
		return s.Commit(ctx, q)
	})
}

func (c *comparison) release(r accounts.Record) request {
	q := accounts.ReleaseRequest{
		Key: r.Key, Generation: r.Generation, Attempt: r.Attempt, State: pick(c, accounts.Active, accounts.Expired, accounts.Revoked),
		Reason: pick(c, "", accounts.InvalidGrant, accounts.TransientExhausted), DueIn: c.lifeOrNever(), Failures: c.random.IntN(3),
		Failure: pick(c, "", accounts.NotSent), Doubts: c.random.IntN(3), Troubled: c.random.IntN(2) == 0, Note: c.note(),
	}
	if c.random.IntN(3) == 0 {
		st := c.stash()
		q.Stash = &st
	}
	return step("Release", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) {
		q, now := q, resolve(ctx, s, r)
		q.Generation, q.Attempt = now.Generation, now.Attempt
		return s.Release(ctx, q)
	})
}

func (c *comparison) stashRequest(r accounts.Record) request {
	st := c.stash()
	return step("Stash", []any{r.Key, r.Grant, st}, func(ctx context.Context, s accounts.Store) (any, error) {
		return only(s.Stash(ctx, r.Key, resolve(ctx, s, r).Grant, st))
	})
}

func (c *comparison) disconnect(r accounts.Record) request {
	q := accounts.DisconnectRequest{
		Key: r.Key, Reason: pick(c, accounts.HostDisconnect, accounts.AdminDisconnect),
		RevocationIDs: [2]string{fmt.Sprint("a", c.count), fmt.Sprint("b", c.count)}, Note: c.note(),
	}
	return step("Disconnect", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) { return s.Disconnect(ctx, q) })
}

func (c *comparison) hold(r accounts.Record) request {
	f, ttl := c.flow(r, accounts.HeldFlow), c.life()
	return step("Hold", []any{f, ttl, "user"}, func(ctx context.Context, s accounts.Store) (any, error) {
		f := f
		f.Epoch = resolve(ctx, s, r).Epoch
		return only(s.Hold(ctx, f, ttl, "user"))
	})
}

func (c *comparison) endVerification(r accounts.Record) request {
	n := c.note()
	return step("EndVerification", []any{r.Key, accounts.VerificationFailed, n}, func(ctx context.Context, s accounts.Store) (any, error) {
		return only(s.EndVerification(ctx, r.Key, accounts.VerificationFailed, n))
	})
}

func (c *comparison) createFlow(r accounts.Record) request {
	f, ttl := c.flow(r, pick(c, accounts.LinkFlow, accounts.LinkFlow, accounts.HeldFlow)), c.life()
	return step("CreateFlow", []any{f, ttl}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.CreateFlow(ctx, f, ttl)) })
}

func (c *comparison) consumeFlow(accounts.Record) request {
	kind, id := pick(c, accounts.LinkFlow, accounts.HeldFlow), often(c, pick(c, flowIDs...), accounts.Hash{})
	return step("ConsumeFlow", []any{kind, id}, func(ctx context.Context, s accounts.Store) (any, error) { return s.ConsumeFlow(ctx, kind, id) })
}

func (c *comparison) revocationID() string {
	return pick(c, "r1", "r2", "r3", fmt.Sprint("a", 1+c.random.Int64N(c.count)))
}

func (c *comparison) queueRevocation(r accounts.Record) request {
	v := accounts.Revocation{
		ID: c.revocationID(), Key: r.Key, AccountID: "id of the revocation", Purpose: accounts.PurposeTokens, Generation: r.Generation, Sealed: c.sealed(),
	}
	return step("QueueRevocation", []any{v}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.QueueRevocation(ctx, v)) })
}

func (c *comparison) claimRevocations(r accounts.Record) request {
	q := accounts.RevocationRequest{Key: pick(c, r.Key, accounts.Key{}), Lease: c.life(), Limit: pick(c, 0, 1, 2, 100)}
	return step("ClaimRevocations", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) { return s.ClaimRevocations(ctx, q) })
}

func (c *comparison) finishRevocation(accounts.Record) request {
	id := c.revocationID()
	return step("FinishRevocation", []any{id}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.FinishRevocation(ctx, id)) })
}

func (c *comparison) appendEvent(r accounts.Record) request {
	e := accounts.Event{Type: accounts.EventDenied, Key: r.Key, AccountID: "x", From: "y", To: "z", Reason: accounts.UserDenied, Actor: fmt.Sprint("user", c.count)}
	return step("AppendEvent", []any{e}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.AppendEvent(ctx, e)) })
}

func (c *comparison) claimEvents(accounts.Record) request {
	lease := c.life()
	return step("ClaimEvents", []any{lease, 1000}, func(ctx context.Context, s accounts.Store) (any, error) {
		list, err := s.ClaimEvents(ctx, lease, 1000) // the order of the events of one request is left open
		return anonymous(list), err
	})
}

// ackEvents acknowledges events by their places among the oldest.
func (c *comparison) ackEvents(accounts.Record) request {
	every := pick(c, 1, 2, 3, 10)
	q := step("AckEvents", []any{fmt.Sprint("every ", every, " of the first 100")}, func(ctx context.Context, s accounts.Store) (any, error) {
		list, err := s.ListEvents(ctx, accounts.EventFilter{})
		if err != nil {
			return nil, err
		}
		sortEvents(list)
		var ids []int64
		for i := 0; i < len(list); i += every {
			ids = append(ids, list[i].ID)
		}
		return only(s.AckEvents(ctx, ids))
	})
	q.readsEvents = true
	return q
}

func (c *comparison) setHealth(accounts.Record) request {
	name, probe := pick(c, configurations...), c.life()
	h := accounts.ConnectionHealth{
		Connection: name[0], Fingerprint: name[1], State: pick(c, accounts.HealthOK, accounts.HealthConfigError, accounts.HealthSuspect), Code: pick(c, "", "invalid_client"),
	}
	return step("SetHealth", []any{h, probe}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.SetHealth(ctx, h, probe)) })
}

func (c *comparison) claimProbe(accounts.Record) request {
	name, every := pick(c, configurations...), c.life()
	return step("ClaimProbe", []any{name[0], name[1], every}, func(ctx context.Context, s accounts.Store) (any, error) {
		return s.ClaimProbe(ctx, name[0], name[1], every)
	})
}

func (c *comparison) touch(r accounts.Record) request {
	list := pick(c, []accounts.Key{r.Key}, keys(), nil)
	return step("Touch", []any{fmt.Sprint(list)}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.Touch(ctx, list)) })
}

func (c *comparison) sentinel(accounts.Record) request {
	b := often(c, c.sealed(), accounts.Sealed{})
	return step("Sentinel", []any{b}, func(ctx context.Context, s accounts.Store) (any, error) { return s.Sentinel(ctx, b) })
}

func (c *comparison) reseal(s accounts.Store) request {
	rows, err := s.SealedBy(c.ctx, 0, "", 1000)
	if err != nil {
		panic(err)
	}
	row, b := accounts.SealedRow{Ref: "account/none", Key: keys()[0], Sealed: c.sealed()}, c.sealed()
	if len(rows) > 0 {
		row = rows[c.random.IntN(len(rows))]
	}
	row.Sealed.Blob = often(c, row.Sealed.Blob, []byte("stale"), nil)
	row.Generation += often[int64](c, 0, 1)
	row.Sealed.Blob = slices.Clone(row.Sealed.Blob)
	return step("Reseal", []any{row, b}, func(ctx context.Context, s accounts.Store) (any, error) { return only(s.Reseal(ctx, row, b)) })
}

func (c *comparison) sweep() request {
	age := func() time.Duration { return pick(c, time.Minute, time.Hour, 24*time.Hour) }
	q := accounts.SweepRequest{Limit: 1000, RevokedFor: age(), RevocationsFor: age(), EventsFor: age()}
	return step("Sweep", []any{q}, func(ctx context.Context, s accounts.Store) (any, error) { return s.Sweep(ctx, q) })
}
