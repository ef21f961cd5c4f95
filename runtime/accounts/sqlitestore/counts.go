package sqlitestore

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/internal/sqlrow"
)

// Stats implements [accounts.Store].
func (s *Store) Stats(ctx context.Context) (accounts.Stats, error) {
	st := accounts.Stats{Accounts: map[string]map[accounts.State]int64{}}
	err := s.read(ctx, `select connection, state, count(*) from accounts group by connection, state`, func(row scanner) error {
		var connection []byte
		var state accounts.State
		var n int64
		err := row.Scan(&connection, &state, &n)
		if st.Accounts[string(connection)] == nil {
			st.Accounts[string(connection)] = map[accounts.State]int64{}
		}
		st.Accounts[string(connection)][state] = n
		return err
	})
	if err != nil {
		return accounts.Stats{}, err
	}
	at := s.now()
	var oldest time.Time
	err = s.read(ctx, `select count(*), coalesce(min(due), 0) from accounts where `+renewalDue,
		func(row scanner) error { return row.Scan(&st.Due, moment{&oldest}) }, nanos(at), nanos(at), nanos(at))
	if err != nil {
		return accounts.Stats{}, err
	}
	if !oldest.IsZero() {
		st.Lag = at.Sub(oldest)
	}
	err = s.read(ctx, `select (select count(*) from accounts where doubts > 0 or attempt <> '' and `+lapsed+`),
		(select count(*) from flows), (select count(*) from revocations), (select count(*) from events where acked = 0)`,
		func(row scanner) error { return row.Scan(&st.InDoubt, &st.Flows, &st.Revocations, &st.PendingEvents) }, nanos(at), nanos(at))
	if err != nil {
		return accounts.Stats{}, err
	}
	return st, nil
}

// KeyUse implements [accounts.Store].
func (s *Store) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	use := map[uint32]int64{}
	err := s.read(ctx, `select key, count(*) from (
		select tokens_key as key from accounts where tokens is not null union all
		select fallback_key from accounts where fallback is not null union all
		select sealed_key from flows where sealed is not null union all
		select sealed_key from revocations where sealed is not null union all
		select sealed_key from sentinel) group by key`, func(row scanner) error {
		var id, n int64
		err := row.Scan(&id, &n)
		key, keyErr := sqlrow.KeyID(id)
		if err != nil || keyErr != nil {
			s.skipped.Skip("key", fmt.Sprint(id), cmp.Or(err, keyErr))
			return nil
		}
		use[key] = n
		return nil
	})
	if err != nil {
		return nil, err
	}
	return use, nil
}
