package storetest

import (
	"time"

	"github.com/closekit/closekit/runtime/accounts"
)

var eventCases = map[string]func(*suite){
	"Outbox": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		first, err := s.ClaimEvents(s.ctx, lease, 1)
		s.ok(err)
		s.want(len(first) == 1 && first[0].Type == accounts.EventCreated, "claimed %+v", first)
		second, err := s.ClaimEvents(s.ctx, short, 10)
		s.ok(err)
		s.want(len(second) == 1 && second[0].Type == accounts.EventConnected && second[0].ID > first[0].ID, "claimed %+v", second)
		s.wait(short)
		again, err := s.ClaimEvents(s.ctx, lease, 10)
		s.ok(err)
		s.want(len(again) == 1 && again[0] == second[0], "after the lease: %+v, want %+v", again, second)
		none, err := s.ClaimEvents(s.ctx, lease, 10)
		s.ok(err)
		s.want(len(none) == 0, "claimed twice: %+v", none)
		s.ok(s.AckEvents(s.ctx, []int64{first[0].ID}))
		s.ok(s.AckEvents(s.ctx, nil))
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected)
		st, err := s.Stats(s.ctx)
		s.ok(err)
		s.want(st.PendingEvents == 1, "%d events are pending", st.PendingEvents)
	},
	"AppendEvent": func(s *suite) {
		r := s.connect(s.key("ada"), time.Hour)
		s.ok(s.AppendEvent(s.ctx, accounts.Event{Type: accounts.EventLinkMisused, Key: r.Key, Reason: "x", Actor: "user"}))
		s.ok(s.AppendEvent(s.ctx, accounts.Event{Type: accounts.EventLinkMisused, Key: s.key("missing"), Actor: "user"}))
		s.wantEvents(r.Key, accounts.EventCreated, accounts.EventConnected, accounts.EventLinkMisused)
		e := s.events(r.Key, 3)[2]
		s.want(e.AccountID == r.ID && e.From == accounts.Active && e.To == accounts.Active && e.Reason == "x" && e.Actor == "user", "the event is %+v", e)
		s.wantEvents(s.key("missing"), accounts.EventLinkMisused)
		page := s.listEvents(accounts.EventFilter{After: e.ID, Limit: 1}, 1)
		s.want(len(page) == 1 && page[0].Key == s.key("missing"), "the next page is %+v", page)
	},
	"Health": func(s *suite) {
		h, err := s.LoadHealth(s.ctx, connection, "f1")
		s.ok(err)
		s.want(h.State == accounts.HealthOK, "fresh health is %+v", h)
		bad := accounts.ConnectionHealth{Connection: connection, Fingerprint: "f1", State: accounts.HealthConfigError, Code: "invalid_client"}
		s.ok(s.SetHealth(s.ctx, bad, lease))
		s.ok(s.SetHealth(s.ctx, bad, lease))
		h, err = s.LoadHealth(s.ctx, connection, "f1")
		s.ok(err)
		s.want(h.State == bad.State && h.Code == bad.Code && !h.Since.IsZero(), "health is %+v", h)
		other, err := s.LoadHealth(s.ctx, connection, "f2")
		s.ok(err)
		s.want(other.State == accounts.HealthOK, "another configuration is %+v", other)

		may, err := s.ClaimProbe(s.ctx, connection, "f1", lease)
		s.ok(err)
		s.want(!may, "a probe was allowed at once")
		s.ok(s.SetHealth(s.ctx, accounts.ConnectionHealth{Connection: "other", Fingerprint: "f1", State: bad.State}, short))
		s.wait(short)
		may, err = s.ClaimProbe(s.ctx, "other", "f1", lease)
		s.ok(err)
		s.want(may, "no probe was allowed after the wait")
		may, err = s.ClaimProbe(s.ctx, "other", "f1", lease)
		s.ok(err)
		s.want(!may, "two probes were allowed")

		bad.State, bad.Code = accounts.HealthOK, ""
		s.ok(s.SetHealth(s.ctx, bad, short))
		list := s.listEvents(accounts.EventFilter{Connection: connection}, 2)
		s.want(len(list) == 2, "%d events for two changes: %+v", len(list), list)
		if len(list) == 2 {
			s.want(list[0].Type == accounts.EventHealth && list[0].To == accounts.State(accounts.HealthConfigError) && list[0].Reason == "invalid_client" &&
				list[0].Key == (accounts.Principal{}).Key(connection) && list[1].To == accounts.State(accounts.HealthOK), "events are %+v", list)
		}
	},
}
