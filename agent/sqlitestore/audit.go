package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/internal/chain"
)

// Audit is an [agent.Log] in the database of a store. Records are chained by hashes, as
// package auditlog describes, across all processes.
type Audit struct {
	s     *Store
	vault agent.Vault
}

// Audit returns the audit log in the database. Snapshots are sealed with the vault;
// without one they are left out and only counted, and calls cannot be undone.
func (s *Store) Audit(v agent.Vault) *Audit { return &Audit{s, v} }

// KeepsSnapshots implements [agent.SnapshotSink]: they are kept if there is a vault.
func (a *Audit) KeepsSnapshots() bool { return a.vault != nil }

// Record implements [agent.Sink].
func (a *Audit) Record(ctx context.Context, r agent.Record) error {
	content, sealed, err := chain.Encode(&r, a.vault)
	if err != nil {
		return fmt.Errorf("sqlitestore: %w", err)
	}
	return a.s.fail(a.s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var head chain.Head
		var hash []byte
		err := tx.QueryRowContext(ctx, "select seq, hash from agent_audit order by seq desc limit 1").Scan(&head.Seq, &hash)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case len(hash) != len(head.Hash):
			return &agent.ChainError{Line: head.Seq, Why: "its hash has the wrong length"}
		default:
			head.Hash = [32]byte(hash)
		}
		e := chain.Next(head, content, sealed)
		_, err = tx.ExecContext(ctx, "insert into agent_audit (seq, at, account, run, prev, digest, hash, payload, key, sealed) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			e.Seq, r.Time.UnixMicro(), []byte(r.Account.Name), []byte(r.Run), e.Prev[:], e.Digest[:], e.Hash[:], e.Payload, e.KeyColumn(), e.Blob)
		return err
	}))
}

// Records implements [agent.Log]. Without a vault, snapshots are left out.
func (a *Audit) Records(ctx context.Context, q agent.RunQuery) (list []agent.Record, err error) {
	where, args := "payload is not null", []any{}
	if q.Run != "" {
		where, args = where+" and run = ?", append(args, []byte(q.Run))
	}
	if q.Account != "" {
		where, args = where+" and account = ?", append(args, []byte(q.Account))
	}
	query := "select payload, key, sealed from (select seq, payload, key, sealed from agent_audit where " + where + " order by seq desc limit ?) order by seq" //nolint:gosec // of constants
	rows, err := a.s.reader.QueryContext(ctx, query, append(args, cmp.Or(q.Limit, math.MaxInt))...)
	if err != nil {
		return nil, a.s.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		var k chain.Stored
		if err := rows.Scan(&k.Payload, &k.Key, &k.Blob); err != nil {
			return nil, a.s.fail(err)
		}
		r, err := k.Decode(a.vault)
		if err != nil {
			return nil, fmt.Errorf("sqlitestore: %w", err)
		}
		list = append(list, r)
	}
	return list, a.s.fail(rows.Err())
}

// Verify checks that the log is what was written; with a vault, also the snapshots. The first record that is not is an
// [*agent.ChainError].
func (a *Audit) Verify(ctx context.Context) (agent.ChainReport, error) {
	v := chain.Verifier{Vault: a.vault}
	rows, err := a.s.reader.QueryContext(ctx, "select seq, account, run, prev, digest, hash, payload, key, sealed from agent_audit order by seq")
	if err != nil {
		return v.Report, a.s.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		var k chain.Stored
		if err := rows.Scan(&k.Seq, &k.Account, &k.Run, &k.Prev, &k.Digest, &k.Hash, &k.Payload, &k.Key, &k.Blob); err != nil {
			return v.Report, a.s.fail(err)
		}
		if err := v.CheckStored(&k); err != nil {
			return v.Report, err
		}
	}
	return v.Report, a.s.fail(rows.Err())
}

// KeyUse counts the sealed snapshots by the id of their key.
func (a *Audit) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	return a.s.keyUse(ctx, "select key, count(*) from agent_audit where key is not null group by key")
}

// Reseal seals again, with the primary key of the vault, the snapshots that another key
// sealed, and returns their number. The chain stays as it is. It may run at any time, and
// again after an interruption. Snapshots that cannot be opened are left as they are, and
// are an error in the end.
func (a *Audit) Reseal(ctx context.Context) (int, error) {
	return chain.Reseal(ctx, "sqlitestore", a.vault, a.sealedBy, a.swap)
}

func (a *Audit) sealedBy(ctx context.Context, primary uint32, after int64, limit int) (list []chain.Stored, err error) {
	rows, err := a.s.reader.QueryContext(ctx, "select seq, payload, key, sealed from agent_audit where key <> ? and seq > ? order by seq limit ?", primary, after, limit)
	if err != nil {
		return nil, a.s.fail(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		var k chain.Stored
		if err := rows.Scan(&k.Seq, &k.Payload, &k.Key, &k.Blob); err != nil {
			return nil, a.s.fail(err)
		}
		list = append(list, k)
	}
	return list, a.s.fail(rows.Err())
}

func (a *Audit) swap(ctx context.Context, old chain.Stored, fresh chain.Sealed) (int, error) {
	return a.change(ctx, "update agent_audit set key = ?, sealed = ? where seq = ? and sealed = ?", fresh.Key, fresh.Blob, old.Seq, old.Blob)
}

// Prune deletes the records from before a time, and returns their number. Only the
// beginning of the log is deleted, as far as records are that old, and the last record
// stays, because the next one follows it.
func (a *Audit) Prune(ctx context.Context, before time.Time) (int, error) {
	return a.change(ctx, `delete from agent_audit where seq < (select coalesce(
		(select min(seq) from agent_audit where at >= ?), (select max(seq) from agent_audit)))`, before.UnixMicro())
}

// Erase deletes the content of all records of an account, and returns their number. The
// chain holds: the position, the time and the hashes of a record are left.
func (a *Audit) Erase(ctx context.Context, account string) (int, error) {
	return a.change(ctx, "update agent_audit set payload = null, key = null, sealed = null, account = x'', run = x'' where account = ? and payload is not null", []byte(account))
}

func (a *Audit) change(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	err := a.s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err == nil {
			n, err = res.RowsAffected()
		}
		return err
	})
	return int(n), a.s.fail(err)
}

var _ agent.Log = (*Audit)(nil)
