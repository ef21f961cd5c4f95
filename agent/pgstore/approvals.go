package pgstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/agent"
)

// Durable implements [agent.Store].
func (s *Store) Durable() bool { return true }

const columns = "id, account, run, question, digest, state, created, expires, changed, revision, body, key"

// Create implements [agent.Store].
func (s *Store) Create(ctx context.Context, rows []agent.Row) error {
	return s.write(ctx, "create", func(ctx context.Context, tx pgx.Tx) error {
		for _, r := range rows {
			tag, err := tx.Exec(ctx, `insert into closekit_agent_approvals (`+columns+`)
				values ($1::bytea, $2::bytea, $3::bytea, $4::bytea, $5::bytea, $6::text, $7::bigint, $8::bigint, $9::bigint, 1, $10::bytea, $11::bigint) on conflict (id) do nothing`,
				[]byte(r.ID), []byte(r.Account), []byte(r.Run), []byte(r.Question), r.Digest[:], string(r.State),
				r.Created.UnixMicro(), r.Expires.UnixMicro(), r.Changed.UnixMicro(), append([]byte{}, r.Body...), int64(r.Key))
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return &storeError{text: fmt.Sprintf("approval %s exists already", r.ID)}
			}
		}
		return nil
	})
}

// Load implements [agent.Store].
func (s *Store) Load(ctx context.Context, id string) (agent.Row, error) {
	r, err := scan(s.pool.QueryRow(ctx, `select `+columns+` from closekit_agent_approvals where id = $1::bytea`, []byte(id)))
	if errors.Is(err, pgx.ErrNoRows) {
		err = agent.ErrNotFound
	}
	return r, fail("load", err)
}

func scan(row pgx.Row) (r agent.Row, err error) {
	var id, account, run, question, digest []byte
	var state string
	var created, expires, changed int64
	err = row.Scan(&id, &account, &run, &question, &digest, &state, &created, &expires, &changed, &r.Revision, &r.Body, &r.Key)
	if err != nil {
		return agent.Row{}, err
	}
	if len(digest) != len(r.Digest) {
		return agent.Row{}, &storeError{text: fmt.Sprintf("approval %s is damaged: its digest has %d bytes", id, len(digest))}
	}
	r.ID, r.Account, r.Run, r.Question, r.Digest, r.State = string(id), string(account), string(run), string(question), [32]byte(digest), agent.State(state)
	r.Created, r.Expires, r.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC(), time.UnixMicro(changed).UTC()
	return r, nil
}

// List implements [agent.Store].
func (s *Store) List(ctx context.Context, q agent.Query) ([]agent.Row, error) {
	var where []string
	var args []any
	add := func(column, kind string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf("%s = $%d::%s", column, len(args), kind))
	}
	for column, value := range map[string]string{"account": q.Account, "run": q.Run, "question": q.Question} {
		if value != "" {
			add(column, "bytea", []byte(value))
		}
	}
	if q.Digest != [32]byte{} {
		add("digest", "bytea", q.Digest[:])
	}
	if len(q.States) > 0 {
		var states []string
		for _, state := range q.States {
			states = append(states, string(state))
		}
		args = append(args, states)
		where = append(where, fmt.Sprintf("state = any($%d::text[])", len(args)))
	}
	query := `select ` + columns + ` from closekit_agent_approvals`
	if len(where) > 0 {
		query += ` where ` + strings.Join(where, " and ")
	}
	args = append(args, int64(cmp.Or(q.Limit, 100)))
	return s.rows(ctx, "list", query+fmt.Sprintf(` order by created desc, id limit $%d::bigint`, len(args)), args...)
}

func (s *Store) rows(ctx context.Context, op, query string, args ...any) ([]agent.Row, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fail(op, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (agent.Row, error) { return scan(row) })
	return list, fail(op, err)
}

// Swap implements [agent.Store].
func (s *Store) Swap(ctx context.Context, r agent.Row) error {
	return s.write(ctx, "swap", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update closekit_agent_approvals set state = $3::text, body = $4::bytea, changed = $5::bigint, key = $6::bigint, revision = revision + 1
			where id = $1::bytea and revision = $2::bigint`, []byte(r.ID), r.Revision, string(r.State), append([]byte{}, r.Body...), r.Changed.UnixMicro(), int64(r.Key))
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from closekit_agent_approvals where id = $1::bytea)`, []byte(r.ID)).Scan(&there); err != nil {
			return err
		}
		if !there {
			return agent.ErrNotFound
		}
		return agent.ErrConflict
	})
}

// errOver ends a change because a counter would exceed its bound.
var errOver = &storeError{op: "spend", text: "a bound would be exceeded"}

// Spend implements [agent.Store].
func (s *Store) Spend(ctx context.Context, spends []agent.Spend) (int, error) {
	over := -1
	keys := make([][]byte, 0, len(spends))
	for _, p := range spends {
		keys = append(keys, []byte(p.Key))
	}
	err := s.write(ctx, "spend", func(ctx context.Context, tx pgx.Tx) error {
		over = -1
		// All counters are locked in the order of their keys, so that two calls cannot
		// wait for each other.
		_, err := tx.Exec(ctx, `insert into closekit_agent_counters (key, account, value, ends)
			select k, '', 0, 0 from (select distinct k from unnest($1::bytea[]) k) keys order by k on conflict (key) do nothing`, keys)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select key from closekit_agent_counters where key = any($1::bytea[]) order by key for update`, keys); err != nil {
			return err
		}
		for i, p := range spends {
			var value int64
			err := tx.QueryRow(ctx, `update closekit_agent_counters set value = value + $2::bigint, account = $3::bytea, ends = $4::bigint where key = $1::bytea returning value`,
				[]byte(p.Key), p.Amount, []byte(p.Account), p.Ends.UnixMicro()).Scan(&value)
			if err != nil {
				return err
			}
			if p.Most >= 0 && value > p.Most {
				over = i
				return errOver
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errOver):
		return over, nil
	case err != nil:
		return 0, err
	}
	return -1, nil
}

// Count implements [agent.Store].
func (s *Store) Count(ctx context.Context, key string) (value int64, err error) {
	err = s.pool.QueryRow(ctx, `select value from closekit_agent_counters where key = $1::bytea`, []byte(key)).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return value, fail("count", err)
}

// KeyUse implements [agent.Store].
func (s *Store) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	return s.keyUse(ctx, `select key, count(*) from closekit_agent_approvals where key <> 0 group by key`)
}

func (s *Store) keyUse(ctx context.Context, query string) (map[uint32]int64, error) {
	rows, err := s.pool.Query(ctx, query)
	if err != nil {
		return nil, fail("keys", err)
	}
	use := map[uint32]int64{}
	var id uint32
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		use[id] = n
		return nil
	})
	return use, fail("keys", err)
}

// SealedBy implements [agent.Store].
func (s *Store) SealedBy(ctx context.Context, primary uint32, after string, limit int) ([]agent.Row, error) {
	return s.rows(ctx, "reseal", `select `+columns+` from closekit_agent_approvals where key not in (0, $1::bigint) and id > $2::bytea order by id limit $3::bigint`,
		int64(primary), []byte(after), int64(limit))
}

// Prune implements [agent.Store].
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	return s.remove(ctx, "prune", `changed < $1::bigint`, `ends < $1::bigint`, before.UnixMicro())
}

// Erase implements [agent.Store].
func (s *Store) Erase(ctx context.Context, account string) (int, error) {
	return s.remove(ctx, "erase", `account = $1::bytea`, `account = $1::bytea`, []byte(account))
}

func (s *Store) remove(ctx context.Context, op, approvals, counters string, arg any) (n int, err error) {
	err = s.write(ctx, op, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from closekit_agent_approvals where `+approvals, arg)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		_, err = tx.Exec(ctx, `delete from closekit_agent_counters where `+counters, arg)
		return err
	})
	return n, err
}
