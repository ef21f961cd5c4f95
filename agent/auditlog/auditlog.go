// Package auditlog keeps the records of agents in a file of JSON lines, each of which
// has the hash of the one before, so that a later change shows.
//
//	log, err := auditlog.Open("audit.jsonl", auditlog.WithVault(v))
//	a, err := agent.New(tools.Catalog(), agent.WithAudit(log))
//
// A line has the position, the hash of the line before, the digest of the record, the
// hash of the three, and the record. [Verify] reads it all, and needs no key.
//
// # When a record is on the disk
//
// The record of a call that changes something is on the disk when Record returns, so
// that the intent is there before anything is sent. The record of a read is written at
// once, and on the disk with the next one that changes something, or with Close. A
// crash can cut the last line, whose call has not been told that it was kept: Open
// removes such a rest.
//
// # One process
//
// One process at a time has the file open for writing; Open of a second one fails with
// [ErrInUse]. The lock is a file beside it, with .lock. Every process may read meanwhile.
// Programs with several processes keep records in a database; see the packages
// sqlitestore and pgstore.
//
// # What is in clear
//
// Arguments are redacted as [agent.Redact] says. Snapshots, which are whole records of
// customers, are sealed with the vault; without one they are left out and only counted,
// and calls cannot be undone. The file is made readable for its owner alone.
package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/internal/chain"
	"github.com/closekit/closekit/internal/dirsync"
	"github.com/closekit/closekit/internal/filelock"
)

// ErrInUse means that another process writes to the log.
var ErrInUse = errors.New("auditlog: another process writes to this log; use a file per process, or a database")

// Log is an [agent.Log] in a file. Make it with [Open]. It is safe for concurrent use.
type Log struct {
	path  string
	vault agent.Vault
	lock  *os.File

	mu   sync.Mutex
	file *os.File // nil when closed
	size int64    // of all complete lines
	head chain.Head
	torn int64
}

// Option is an option of [Open].
type Option func(*Log)

// WithVault seals snapshots with v, and opens them.
func WithVault(v agent.Vault) Option { return func(l *Log) { l.vault = v } }

// Open opens a log for writing, and makes it if there is none. It reads and verifies
// all of it: to a log that is not intact nothing is added, and the error is an
// [*agent.ChainError].
func Open(path string, opts ...Option) (*Log, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("auditlog: %w", err)
	}
	l := &Log{path: abs}
	for _, o := range opts {
		if o != nil {
			o(l)
		}
	}
	l.lock, err = filelock.Lock(abs + ".lock")
	switch {
	case filelock.IsLocked(err):
		return nil, ErrInUse
	case err != nil:
		return nil, fmt.Errorf("auditlog: locking the log: %w", err)
	}
	if err := l.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("auditlog: %w", err), l.Close())
	}
	return l, nil
}

func (l *Log) open() (err error) {
	_, statErr := os.Stat(l.path)
	if l.file, err = os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if errors.Is(statErr, os.ErrNotExist) {
		if err := dirsync.Parent(l.path); err != nil {
			return err
		}
	}
	var v chain.Verifier
	rest, err := scan(l.file, func(ln *line, number int64) error { return v.Check(&ln.entry, number) })
	var torn *tornError
	if errors.As(err, &torn) {
		err, l.torn = nil, torn.bytes
	}
	if err != nil {
		return err
	}
	l.size, l.head = rest, v.Head()
	if l.torn > 0 {
		if err := errors.Join(l.file.Truncate(l.size), l.file.Sync()); err != nil {
			return fmt.Errorf("removing the rest of a line: %w", err)
		}
	}
	return nil
}

// Torn returns how many bytes of an incomplete last line Open has removed: the rest of
// a record that a crash has cut.
func (l *Log) Torn() int64 { return l.torn }

// KeepsSnapshots implements [agent.SnapshotSink]: they are kept if there is a vault.
func (l *Log) KeepsSnapshots() bool { return l.vault != nil }

// Record implements [agent.Sink].
func (l *Log) Record(_ context.Context, r agent.Record) error {
	content, sealed, err := chain.Encode(&r, l.vault)
	if err != nil {
		return fmt.Errorf("auditlog: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return errors.New("auditlog: the log is closed")
	}
	e := chain.Next(l.head, content, sealed)
	b, err := encode(&e)
	if err != nil {
		return fmt.Errorf("auditlog: %w", err)
	}
	_, err = l.file.WriteAt(b, l.size)
	if err == nil && r.Effect != closekit.Read {
		err = l.file.Sync()
	}
	if err != nil {
		// The next record is written over it. What may be left of it is cut now, or
		// when the log is opened.
		_ = l.file.Truncate(l.size)
		return fmt.Errorf("auditlog: %w", err)
	}
	l.size += int64(len(b))
	l.head = e.Head()
	return nil
}

// Records implements [agent.Log]. Without a vault, snapshots are left out.
func (l *Log) Records(_ context.Context, q agent.RunQuery) ([]agent.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil, errors.New("auditlog: the log is closed")
	}
	return Read(io.NewSectionReader(l.file, 0, l.size), q, l.vault)
}

// Prune deletes the records from before a time and returns their number. Only the
// beginning of the log can be deleted, and it goes as far as records are that old.
// The rest can be verified as before; its report says where it begins. The last record
// stays, because the next one follows it.
func (l *Log) Prune(ctx context.Context, before time.Time) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keeping := false
	last := l.head.Seq
	return l.rewrite(ctx, func(ln *line) (keep, changed bool, err error) {
		if !keeping {
			old := ln.entry.Payload == nil
			if !old {
				r, err := chain.Decode(ln.entry.Payload, chain.Sealed{}, nil)
				if err != nil {
					return false, false, err
				}
				old = r.Time.Before(before)
			}
			keeping = !old || ln.entry.Seq == last
		}
		return keeping, !keeping, nil
	})
}

// Erase deletes the content of all records of an account, such as when a customer
// wants that, and returns their number. The chain holds: of a record, its position,
// digest and hash are left.
func (l *Log) Erase(ctx context.Context, account string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rewrite(ctx, func(ln *line) (keep, changed bool, err error) {
		if ln.entry.Payload == nil {
			return true, false, nil
		}
		r, err := chain.Decode(ln.entry.Payload, chain.Sealed{}, nil)
		if err != nil {
			return false, false, err
		}
		if r.Account.Name != chain.Text(account) {
			return true, false, nil
		}
		ln.entry.Payload, ln.entry.Sealed = nil, chain.Sealed{}
		return true, true, nil
	})
}

// KeyUse counts the sealed snapshots by the id of their key.
func (l *Log) KeyUse(_ context.Context) (map[uint32]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil, errors.New("auditlog: the log is closed")
	}
	use := map[uint32]int64{}
	_, err := scan(io.NewSectionReader(l.file, 0, l.size), func(ln *line, _ int64) error {
		if ln.entry.Blob != nil {
			use[ln.entry.Key]++
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("auditlog: %w", err)
	}
	return use, nil
}

// Reseal seals again, with the primary key of the vault, the snapshots that another key
// sealed, and returns their number. The chain stays as it is. Snapshots that cannot be
// opened are left as they are, and are an error in the end.
func (l *Log) Reseal(ctx context.Context) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.vault == nil {
		return 0, errors.New("auditlog: there is nothing to seal without WithVault")
	}
	primary, _ := l.vault.KeyIDs()
	failed := 0
	n, err := l.rewrite(ctx, func(ln *line) (keep, changed bool, err error) {
		if ln.entry.Blob == nil || ln.entry.Key == primary {
			return true, false, nil
		}
		sealed := ln.entry.Reseal(l.vault) == nil
		if !sealed {
			failed++
		}
		return true, sealed, nil
	})
	if err == nil && failed > 0 {
		err = fmt.Errorf("auditlog: the snapshots of %d records cannot be opened and were left as they are; is a key missing?", failed)
	}
	return n, err
}

// rewrite replaces the file by one with other lines, and returns how many were changed
// or left out. A crash leaves the old file or the new one.
func (l *Log) rewrite(ctx context.Context, edit func(*line) (keep, changed bool, err error)) (n int, err error) {
	if l.file == nil {
		return 0, errors.New("auditlog: the log is closed")
	}
	tmp, err := os.CreateTemp(filepath.Dir(l.path), "."+filepath.Base(l.path)+"-*") // mode 0600
	if err != nil {
		return 0, fmt.Errorf("auditlog: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	var size int64
	_, err = scan(io.NewSectionReader(l.file, 0, l.size), func(ln *line, _ int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		keep, changed, err := edit(ln)
		if changed {
			n++
		}
		if err != nil || !keep {
			return err
		}
		b, err := encode(&ln.entry)
		if err == nil {
			_, err = tmp.Write(b)
			size += int64(len(b))
		}
		return err
	})
	if err == nil && n > 0 {
		err = tmp.Sync()
	}
	if err != nil {
		return 0, fmt.Errorf("auditlog: %w", err)
	}
	if n == 0 {
		_ = tmp.Close()
		return 0, os.Remove(tmp.Name())
	}
	if err = replace(l.file, tmp, l.path); err != nil {
		return 0, fmt.Errorf("auditlog: %w", err)
	}
	l.file, err = os.OpenFile(l.path, os.O_RDWR, 0o600)
	if err != nil {
		l.file = nil
		return n, fmt.Errorf("auditlog: opening the log again: %w", err)
	}
	l.size = size
	return n, nil
}

// replace puts the file tmp in the place of the old one. Both are closed: an open file
// cannot be replaced everywhere.
func replace(old, tmp *os.File, path string) error {
	if err := errors.Join(tmp.Close(), old.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return dirsync.Parent(path)
}

// Close writes everything to the disk and gives the log free for other processes.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	if l.file != nil {
		errs = append(errs, l.file.Sync(), l.file.Close())
		l.file = nil
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
		l.lock = nil
	}
	return errors.Join(errs...)
}

var _ agent.Log = (*Log)(nil)
