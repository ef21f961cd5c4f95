package pgstore

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/internal/chain"
)

// Audit is an [agent.Log] in the database of a store. Records are chained by hashes, as
// package auditlog describes, across all replicas, which append one after the other.
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
		return fmt.Errorf("pgstore: audit: %w", err)
	}
	return a.s.write(ctx, "audit", func(ctx context.Context, tx pgx.Tx) error {
		var head chain.Head
		var hash []byte
		if err := tx.QueryRow(ctx, `select seq, hash from closekit_agent_audit_head for update`).Scan(&head.Seq, &hash); err != nil {
			return err
		}
		if len(hash) != len(head.Hash) {
			return &agent.ChainError{Line: head.Seq, Why: "its hash has the wrong length"}
		}
		head.Hash = [32]byte(hash)
		e := chain.Next(head, content, sealed)
		_, err := tx.Exec(ctx, `insert into closekit_agent_audit (seq, at, account, run, prev, digest, hash, payload, key, sealed)
			values ($1::bigint, $2::bigint, $3::bytea, $4::bytea, $5::bytea, $6::bytea, $7::bytea, $8::bytea, $9::bigint, $10::bytea)`,
			e.Seq, r.Time.UnixMicro(), []byte(r.Account.Name), []byte(r.Run), e.Prev[:], e.Digest[:], e.Hash[:], e.Payload, e.KeyColumn(), e.Blob)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update closekit_agent_audit_head set seq = $1::bigint, hash = $2::bytea`, e.Seq, e.Hash[:])
		return err
	})
}

// Records implements [agent.Log]. Without a vault, snapshots are left out.
func (a *Audit) Records(ctx context.Context, q agent.RunQuery) ([]agent.Record, error) {
	rows, err := a.s.pool.Query(ctx, `select payload, key, sealed from (
		select seq, payload, key, sealed from closekit_agent_audit
		where payload is not null and ($1::bytea = '' or run = $1::bytea) and ($2::bytea = '' or account = $2::bytea)
		order by seq desc limit $3::bigint) newest order by seq`, []byte(q.Run), []byte(q.Account), cmp.Or(int64(q.Limit), math.MaxInt64))
	if err != nil {
		return nil, fail("audit", err)
	}
	stored, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k chain.Stored, err error) {
		return k, row.Scan(&k.Payload, &k.Key, &k.Blob)
	})
	if err != nil {
		return nil, fail("audit", err)
	}
	var list []agent.Record
	for _, k := range stored {
		r, err := k.Decode(a.vault)
		if err != nil {
			return nil, fmt.Errorf("pgstore: audit: %w", err)
		}
		list = append(list, r)
	}
	return list, nil
}

// Verify checks that the log is what was written; with a vault, also the snapshots. The first record that is not is an
// [*agent.ChainError].
func (a *Audit) Verify(ctx context.Context) (agent.ChainReport, error) {
	v := chain.Verifier{Vault: a.vault}
	err := pgx.BeginTxFunc(ctx, a.s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select seq, account, run, prev, digest, hash, payload, key, sealed from closekit_agent_audit order by seq`)
		if err != nil {
			return err
		}
		var k chain.Stored
		_, err = pgx.ForEachRow(rows, []any{&k.Seq, &k.Account, &k.Run, &k.Prev, &k.Digest, &k.Hash, &k.Payload, &k.Key, &k.Blob}, func() error { return v.CheckStored(&k) })
		if err != nil {
			return err
		}
		var seq int64
		var hash []byte
		if err := tx.QueryRow(ctx, `select seq, hash from closekit_agent_audit_head`).Scan(&seq, &hash); err != nil {
			return err
		}
		if head := v.Head(); head.Seq != seq || seq > 0 && string(hash) != string(head.Hash[:]) {
			return &agent.ChainError{Line: head.Seq + 1, Why: fmt.Sprintf("it is missing: the log should end with record %d", seq)}
		}
		return nil
	})
	return v.Report, fail("audit", err)
}

// KeyUse counts the sealed snapshots by the id of their key.
func (a *Audit) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	return a.s.keyUse(ctx, `select key, count(*) from closekit_agent_audit where key is not null group by key`)
}

// Reseal seals again, with the primary key of the vault, the snapshots that another key
// sealed, and returns their number. The chain stays as it is. It may run at any time, and
// again after an interruption. Snapshots that cannot be opened are left as they are, and
// are an error in the end.
func (a *Audit) Reseal(ctx context.Context) (int, error) {
	return chain.Reseal(ctx, "pgstore", a.vault, a.sealedBy, a.swap)
}

func (a *Audit) sealedBy(ctx context.Context, primary uint32, after int64, limit int) ([]chain.Stored, error) {
	rows, err := a.s.pool.Query(ctx, `select seq, payload, key, sealed from closekit_agent_audit where key <> $1::bigint and seq > $2::bigint order by seq limit $3::bigint`,
		int64(primary), after, int64(limit))
	if err != nil {
		return nil, fail("audit", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (k chain.Stored, err error) {
		return k, row.Scan(&k.Seq, &k.Payload, &k.Key, &k.Blob)
	})
	return list, fail("audit", err)
}

func (a *Audit) swap(ctx context.Context, old chain.Stored, fresh chain.Sealed) (int, error) {
	return a.change(ctx, `update closekit_agent_audit set key = $1::bigint, sealed = $2::bytea where seq = $3::bigint and sealed = $4::bytea`,
		int64(fresh.Key), fresh.Blob, old.Seq, old.Blob)
}

// Prune deletes the records from before a time, and returns their number. Only the
// beginning of the log is deleted, as far as records are that old, and the last record
// stays, because the next one follows it.
func (a *Audit) Prune(ctx context.Context, before time.Time) (int, error) {
	return a.change(ctx, `delete from closekit_agent_audit where seq < (select coalesce(
		(select min(seq) from closekit_agent_audit where at >= $1::bigint), (select max(seq) from closekit_agent_audit)))`, before.UnixMicro())
}

// Erase deletes the content of all records of an account, and returns their number. The
// chain holds: the position, the time and the hashes of a record are left.
func (a *Audit) Erase(ctx context.Context, account string) (int, error) {
	return a.change(ctx, `update closekit_agent_audit set payload = null, key = null, sealed = null, account = '', run = '' where account = $1::bytea and payload is not null`, []byte(account))
}

func (a *Audit) change(ctx context.Context, query string, args ...any) (n int, err error) {
	err = a.s.write(ctx, "audit", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, query, args...)
		n = int(tag.RowsAffected())
		return err
	})
	return n, err
}

var _ agent.Log = (*Audit)(nil)
