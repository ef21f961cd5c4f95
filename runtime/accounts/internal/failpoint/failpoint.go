// Package failpoint lets tests look at, delay or kill a process at a step of a
// refresh. Hooks travel in the context, so that there is no global state and a
// program that sets none pays for a context look-up on the slow path only.
package failpoint

import "context"

// Step is a place in a refresh. The numbers follow the steps of a refresh as
// the package accounts documents them.
type Step string

// The steps, in order.
const (
	Probe      Step = "1-probe"     // before the vault is asked
	Claim      Step = "2-claim"     // before the claim is written
	Claimed    Step = "2-claimed"   // the claim is durable
	Unsealed   Step = "3-unsealed"  // the refresh token is in memory
	Send       Step = "4-send"      // before the request is sent
	Sent       Step = "4-sent"      // request bytes were written
	Received   Step = "5-received"  // a complete response was read
	Sealed     Step = "6-sealed"    // the new pair is sealed and in the journal, not synced
	Journaled  Step = "6-journaled" // the sealed pair is in the journal, synced
	Commit     Step = "7-commit"    // before the commit is written
	Committed  Step = "7-committed" // the commit was acknowledged
	Published  Step = "8-published" // callers can see the new token
	Replay     Step = "replay"      // before an attempt in doubt is replayed
	Disconnect Step = "disconnect"  // before a disconnect is written
	Exchanged  Step = "exchanged"   // a code was exchanged, nothing is written
	Delivered  Step = "delivered"   // an event was delivered, not acknowledged
	Resealed   Step = "resealed"    // a blob was sealed again, not written
	Revoke     Step = "revoke"      // before a revocation is sent
)

type key struct{}

// With returns a context whose refreshes call hook at every step. A hook that
// returns an error makes the step fail with it.
func With(ctx context.Context, hook func(Step) error) context.Context {
	return context.WithValue(ctx, key{}, hook)
}

// Hit calls the hook of the context, if there is one.
func Hit(ctx context.Context, step Step) error {
	if hook, ok := ctx.Value(key{}).(func(Step) error); ok {
		return hook(step)
	}
	return nil
}
