package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/closekit/closekit/agent"
)

// Durable implements [agent.Store].
func (s *Store) Durable() bool { return true }

const columns = "id, account, run, question, digest, state, created, expires, changed, revision, body, key"

// Create implements [agent.Store].
func (s *Store) Create(ctx context.Context, rows []agent.Row) error {
	return s.fail(s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, r := range rows {
			res, err := tx.ExecContext(ctx, "insert into agent_approvals ("+columns+") values (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) on conflict (id) do nothing",
				[]byte(r.ID), []byte(r.Account), []byte(r.Run), []byte(r.Question), r.Digest[:], string(r.State),
				r.Created.UnixMicro(), r.Expires.UnixMicro(), r.Changed.UnixMicro(), append([]byte{}, r.Body...), r.Key)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				return errors.Join(err, fmt.Errorf("approval %s exists already", r.ID))
			}
		}
		return nil
	}))
}

// Load implements [agent.Store].
func (s *Store) Load(ctx context.Context, id string) (agent.Row, error) {
	r, err := scanRow(s.reader.QueryRowContext(ctx, "select "+columns+" from agent_approvals where id = ?", []byte(id)))
	if errors.Is(err, sql.ErrNoRows) {
		err = agent.ErrNotFound
	}
	return r, s.fail(err)
}

func scanRow(row interface{ Scan(dest ...any) error }) (r agent.Row, err error) {
	var id, account, run, question, digest []byte
	var created, expires, changed int64
	err = row.Scan(&id, &account, &run, &question, &digest, &r.State, &created, &expires, &changed, &r.Revision, &r.Body, &r.Key)
	if err != nil {
		return agent.Row{}, err
	}
	if len(digest) != len(r.Digest) {
		return agent.Row{}, fmt.Errorf("approval %s is damaged: its digest has %d bytes", id, len(digest))
	}
	r.ID, r.Account, r.Run, r.Question, r.Digest = string(id), string(account), string(run), string(question), [32]byte(digest)
	r.Created, r.Expires, r.Changed = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC(), time.UnixMicro(changed).UTC()
	return r, nil
}

// List implements [agent.Store].
func (s *Store) List(ctx context.Context, q agent.Query) ([]agent.Row, error) {
	var where []string
	var args []any
	add := func(condition string, value any) {
		where, args = append(where, condition), append(args, value)
	}
	for column, value := range map[string]string{"account": q.Account, "run": q.Run, "question": q.Question} {
		if value != "" {
			add(column+" = ?", []byte(value))
		}
	}
	if q.Digest != [32]byte{} {
		add("digest = ?", q.Digest[:])
	}
	if len(q.States) > 0 {
		where = append(where, "state in (?"+strings.Repeat(", ?", len(q.States)-1)+")")
		for _, state := range q.States {
			args = append(args, string(state))
		}
	}
	query := "select " + columns + " from agent_approvals"
	if len(where) > 0 {
		query += " where " + strings.Join(where, " and ")
	}
	return s.rows(ctx, query+" order by created desc, id limit ?", append(args, cmp.Or(q.Limit, 100))...)
}

func (s *Store) rows(ctx context.Context, query string, args ...any) (list []agent.Row, err error) {
	rows, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, s.fail(err)
		}
		list = append(list, r)
	}
	return list, s.fail(rows.Err())
}

// Swap implements [agent.Store].
func (s *Store) Swap(ctx context.Context, r agent.Row) error {
	return s.fail(s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var revision int64
		err := tx.QueryRowContext(ctx, "select revision from agent_approvals where id = ?", []byte(r.ID)).Scan(&revision)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return agent.ErrNotFound
		case err != nil:
			return err
		case revision != r.Revision:
			return agent.ErrConflict
		}
		_, err = tx.ExecContext(ctx, "update agent_approvals set state = ?, body = ?, key = ?, changed = ?, revision = revision + 1 where id = ?",
			string(r.State), append([]byte{}, r.Body...), r.Key, r.Changed.UnixMicro(), []byte(r.ID))
		return err
	}))
}

// errOver ends a change because a counter would exceed its bound.
var errOver = errors.New("a bound would be exceeded")

// Spend implements [agent.Store].
func (s *Store) Spend(ctx context.Context, spends []agent.Spend) (over int, err error) {
	over = -1
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for i, p := range spends {
			var value int64
			err := tx.QueryRowContext(ctx, `insert into agent_counters (key, account, value, ends) values (?, ?, ?, ?)
				on conflict (key) do update set value = value + excluded.value, account = excluded.account, ends = excluded.ends returning value`,
				[]byte(p.Key), []byte(p.Account), p.Amount, p.Ends.UnixMicro()).Scan(&value)
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
	case over >= 0 && errors.Is(err, errOver):
		return over, nil
	case err != nil:
		return 0, s.fail(err)
	}
	return -1, nil
}

// Count implements [agent.Store].
func (s *Store) Count(ctx context.Context, key string) (value int64, err error) {
	err = s.reader.QueryRowContext(ctx, "select value from agent_counters where key = ?", []byte(key)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return value, s.fail(err)
}

// KeyUse implements [agent.Store].
func (s *Store) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	return s.keyUse(ctx, "select key, count(*) from agent_approvals where key <> 0 group by key")
}

func (s *Store) keyUse(ctx context.Context, query string) (map[uint32]int64, error) {
	rows, err := s.reader.QueryContext(ctx, query)
	if err != nil {
		return nil, s.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	use := map[uint32]int64{}
	for rows.Next() {
		var id uint32
		var n int64
		if err := rows.Scan(&id, &n); err != nil {
			return nil, s.fail(err)
		}
		use[id] = n
	}
	return use, s.fail(rows.Err())
}

// SealedBy implements [agent.Store].
func (s *Store) SealedBy(ctx context.Context, primary uint32, after string, limit int) ([]agent.Row, error) {
	return s.rows(ctx, "select "+columns+" from agent_approvals where key not in (0, ?) and id > ? order by id limit ?", primary, []byte(after), limit)
}

// Prune implements [agent.Store].
func (s *Store) Prune(ctx context.Context, before time.Time) (int, error) {
	return s.remove(ctx, "delete from agent_approvals where changed < ?", "delete from agent_counters where ends < ?", before.UnixMicro())
}

// Erase implements [agent.Store].
func (s *Store) Erase(ctx context.Context, account string) (int, error) {
	return s.remove(ctx, "delete from agent_approvals where account = ?", "delete from agent_counters where account = ?", []byte(account))
}

func (s *Store) remove(ctx context.Context, approvals, counters string, arg any) (int, error) {
	var n int64
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, approvals, arg)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, counters, arg)
		return err
	})
	return int(n), s.fail(err)
}
