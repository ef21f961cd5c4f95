package pgstore_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/internal/pgtest"
	"github.com/closekit/closekit/runtime/accounts"
)

// TestEventsAreNotMissed lets one change begin before another and end after it.
// A reader that goes on from the last event it saw must still see both.
func TestEventsAreNotMissed(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	s := open(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = tx.Exec(t.Context(), `insert into closekit_events (type, tenant, connection, identifier, account_id, from_state, to_state, reason, actor)
		values ('slow', 't', 'close', 'i', '', '', '', '', '')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AppendEvent(t.Context(), accounts.Event{Type: "quick", Key: key(t, 0)}); err != nil {
		t.Fatal(err)
	}
	early, err := s.ListEvents(t.Context(), accounts.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	filter := accounts.EventFilter{}
	if len(early) > 0 {
		filter.After = early[len(early)-1].ID
	}
	late, err := s.ListEvents(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, e := range append(early, late...) {
		types = append(types, string(e.Type))
	}
	if got := strings.Join(types, " "); got != "slow quick" {
		t.Errorf("the reader saw %q", got)
	}
}
