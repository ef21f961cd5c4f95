package accounts

import (
	"context"
	"fmt"
	"time"

	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// deliver hands pending events to the host. An event whose delivery failed, or
// was cut short by a crash, is delivered again after a minute.
func (m *Manager) deliver(ctx context.Context) {
	if m.cfg.OnEvent == nil {
		return
	}
	for {
		short, cancel := context.WithTimeout(ctx, storeTimeout)
		list, err := m.store.ClaimEvents(short, time.Minute, 100)
		cancel()
		if err != nil || len(list) == 0 {
			return
		}
		var done []int64
		for _, e := range list {
			if err := m.deliverOne(ctx, e); err != nil {
				m.log.WarnContext(ctx, "an event could not be delivered", "event", e)
				continue
			}
			done = append(done, e.ID)
		}
		if failpoint.Hit(ctx, failpoint.Delivered) != nil {
			return
		}
		short, cancel = detached(ctx)
		err = m.store.AckEvents(short, done)
		cancel()
		if err != nil || len(done) < len(list) {
			return
		}
	}
}

func (m *Manager) deliverOne(ctx context.Context, e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("accounts: OnEvent panicked with a %T", p)
		}
	}()
	m.log.DebugContext(ctx, "an event is delivered", "event", e)
	return m.cfg.OnEvent(ctx, e)
}

// AckEvents acknowledges events that the host read with [Manager.Events], if it
// has no OnEvent.
func (m *Manager) AckEvents(ctx context.Context, ids ...int64) error {
	return m.store.AckEvents(ctx, ids)
}

// note appends an event that belongs to no change of an account, as best it can:
// the event reports something that was refused.
func (m *Manager) note(ctx context.Context, e Event) {
	ctx, cancel := detached(ctx)
	defer cancel()
	m.log.WarnContext(ctx, "account event", "event", e)
	if err := m.store.AppendEvent(ctx, e); err != nil {
		m.log.ErrorContext(ctx, "an event could not be stored", "event", e)
	}
}
