package webhooks

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Once handles a delivery unless it was handled before, and reports whether it was the
// first. [Receiver] and [CatchUp] call the same one, so that an event which comes both
// ways is handled once. An error means that it was not handled and must come again;
// [ErrBusy] that another call is at it.
type Once func(ctx context.Context, d *Delivery) (first bool, err error)

// DefaultTimeout bounds the function that handles a delivery.
const DefaultTimeout = 30 * time.Second

// Leased returns a [Once] that claims the event in the store, runs the function, and marks
// the event as handled. Of two processes that receive the same delivery, one runs the
// function. If a process is killed, the claim runs out after twice the timeout, and the
// event is handled again when Close repeats it: after the death of a process, the function
// may have run once more than it should. Make its effects idempotent, or write them through
// the transaction of Transactional in the packages sqlitestore and pgstore.
//
// The context of the function ends after the timeout; zero means [DefaultTimeout]. It does
// not end when Close gives up waiting, because then the repetition finds the mark.
func Leased(store Store, timeout time.Duration, handle func(ctx context.Context, d *Delivery) error) Once {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return func(ctx context.Context, d *Delivery) (bool, error) {
		m, token := d.Mark(), rand.Text()
		claim, err := store.Claim(ctx, m, token, 2*timeout)
		switch {
		case err != nil:
			return false, fmt.Errorf("webhooks: claim the event: %w", err)
		case claim == Handled:
			return false, nil
		case claim == Busy:
			return false, ErrBusy
		}
		going := context.WithoutCancel(ctx)
		if err := Run(going, timeout, func(ctx context.Context) error { return handle(ctx, d) }); err != nil {
			return false, errors.Join(err, store.Release(going, m, token))
		}
		if err := store.Finish(going, m, token); err != nil {
			return true, fmt.Errorf("webhooks: the event was handled, but cannot be marked: %w", err)
		}
		return true, nil
	}
}

// HandleError is an error of the function that handles deliveries.
type HandleError struct{ Err error }

// Error names the error of the function.
func (e *HandleError) Error() string { return "webhooks: the event was not handled: " + e.Err.Error() }

// Unwrap returns the error of the function.
func (e *HandleError) Unwrap() error { return e.Err }

// Run calls a function of the host for a [Once] of your own: bounded by a timeout, with its
// error as a [*HandleError], and with a panic as an error.
func Run(ctx context.Context, timeout time.Duration, f func(context.Context) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = &HandleError{fmt.Errorf("it panicked with a %T", r)} // the value may hold anything
		}
	}()
	if err := f(ctx); err != nil {
		return &HandleError{err}
	}
	return nil
}
