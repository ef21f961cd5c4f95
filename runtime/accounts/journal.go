package accounts

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/closekit/closekit/internal/dirsync"
	"github.com/closekit/closekit/internal/filelock"
)

// journalKeep is how long an entry is kept after its commit, in case the
// database is restored from a backup.
const journalKeep = 10 * time.Minute

// journal keeps sealed pairs between the provider's response and the commit in
// the store. Each line is appended and synced before the commit. It holds
// ciphertext only. A nil journal keeps nothing.
type journal struct {
	mu      sync.Mutex
	path    string
	lock    *os.File
	file    *os.File
	entries map[journalID]*journalEntry
	torn    bool      // the last line may have no end
	dead    int       // lines in the file without an entry
	pruned  time.Time // when entries were dropped last
}

type journalID struct {
	key        Key
	generation int64
}

// journalEntry is a commit that may have to be made again.
type journalEntry struct {
	Tenant     []byte        `json:"t"`
	Connection []byte        `json:"c"`
	Identifier []byte        `json:"i"`
	Generation int64         `json:"g"` // before the commit
	Epoch      int64         `json:"e"`
	Attempt    string        `json:"a"`
	Grant      string        `json:"gr,omitempty"`
	Account    string        `json:"id"` // of the row
	Was        string        `json:"w"`  // the row's grant before the commit
	Blob       []byte        `json:"b"`
	KeyID      uint32        `json:"k"`
	NoRefresh  bool          `json:"n,omitempty"`
	Org        string        `json:"o"`
	User       string        `json:"u"`
	At         time.Time     `json:"at"`
	ExpiresIn  time.Duration `json:"x"` // from At
	Done       bool          `json:"d,omitempty"`

	committed time.Time
}

func (e *journalEntry) id() journalID {
	return journalID{Key{string(e.Tenant), string(e.Connection), string(e.Identifier)}, e.Generation}
}

// openJournal opens the journal in a directory, and reads what is in it.
func openJournal(dir string) (*journal, error) {
	if dir == "" {
		return nil, nil //nolint:nilnil // a nil journal keeps nothing
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("accounts: cannot create the state directory: %w", err)
	}
	j := &journal{path: filepath.Join(dir, "journal"), entries: map[journalID]*journalEntry{}}
	lock, err := filelock.Lock(filepath.Join(dir, "lock"))
	switch {
	case filelock.IsLocked(err):
		return nil, fmt.Errorf("%w, in this process or another; each needs its own: %s", ErrStateDirInUse, dir)
	case err != nil:
		return nil, fmt.Errorf("accounts: cannot write to the state directory: %w", err)
	}
	j.lock = lock
	old, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		_ = lock.Close() // nothing was written
		return nil, fmt.Errorf("accounts: cannot read the journal: %w", err)
	}
	r := bufio.NewReader(bytes.NewReader(old))
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			break // the end, or a line that was cut by a crash and never counted
		}
		var e journalEntry
		if json.Unmarshal(line, &e) != nil {
			continue
		}
		if e.Done {
			if known := j.entries[e.id()]; known != nil {
				known.committed = e.At
			}
			continue
		}
		j.entries[e.id()] = &e
	}
	j.prune(time.Now())
	if err := j.rewrite(); err != nil {
		_ = lock.Close() // nothing was written
		return nil, fmt.Errorf("accounts: cannot write the journal: %w", err)
	}
	return j, nil
}

// ErrStateDirInUse means that another manager uses [Config.StateDir].
var ErrStateDirInUse = errors.New("accounts: another manager uses the state directory")

// rewrite writes a fresh file with what still counts, and opens it.
func (j *journal) rewrite() error {
	tmp := j.path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // below the configured directory
	if err != nil {
		return err
	}
	for _, e := range j.entries {
		if err := writeLine(f, e); err != nil {
			return errors.Join(err, f.Close())
		}
		if !e.committed.IsZero() {
			if err := writeLine(f, e.done()); err != nil {
				return errors.Join(err, f.Close())
			}
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if j.file != nil {
		_ = j.file.Close() // an open file cannot be replaced everywhere
		j.file = nil
	}
	err = os.Rename(tmp, j.path)
	if err == nil {
		j.dead, j.torn = 0, false
		err = dirsync.Parent(j.path)
	}
	var openErr error // the old file goes on working if it was not replaced
	j.file, openErr = os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0)
	return errors.Join(err, openErr)
}

func (e *journalEntry) done() *journalEntry {
	return &journalEntry{Tenant: e.Tenant, Connection: e.Connection, Identifier: e.Identifier, Generation: e.Generation, At: e.committed, Done: true}
}

func writeLine(w io.Writer, e *journalEntry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

// add writes an entry, so that it outlives the process, and returns the
// function that syncs it, so that it outlives the machine.
func (j *journal) add(rec Record, q CommitRequest, now time.Time) (sync func() error, err error) {
	if j == nil {
		return func() error { return nil }, nil
	}
	e := &journalEntry{
		Tenant: []byte(q.Key.tenant), Connection: []byte(q.Key.connection), Identifier: []byte(q.Key.identifier),
		Generation: q.Generation, Epoch: q.Epoch, Attempt: q.Attempt, Grant: q.Grant, Blob: q.Tokens.Blob, KeyID: q.Tokens.KeyID,
		NoRefresh: q.NoRefresh, Org: q.OrganizationID, User: q.UserID, At: now, ExpiresIn: q.ExpiresIn,
		Account: rec.ID, Was: rec.Grant,
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil, os.ErrClosed
	}
	j.entries[e.id()] = e
	return j.sync, j.write(e)
}

// write appends a line. What a failed write left behind is closed off, so that
// it does not take the next line with it.
func (j *journal) write(e *journalEntry) error {
	if j.torn {
		if _, err := j.file.WriteString("\n"); err != nil {
			return err
		}
		j.torn = false
	}
	err := writeLine(j.file, e)
	j.torn = err != nil
	return err
}

func (j *journal) sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return os.ErrClosed
	}
	return j.file.Sync()
}

// done notes that an entry was committed. It need not be durable: an entry that
// is replayed finds the generation taken.
func (j *journal) done(key Key, generation int64, now time.Time) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.entries[journalID{key, generation}]
	if e == nil || j.file == nil {
		return
	}
	if e.committed.IsZero() {
		e.committed = now
		_ = j.write(e.done()) // losing it costs nothing
	}
	if now.Sub(j.pruned) < time.Minute {
		return
	}
	j.pruned = now
	j.prune(now)
	if j.dead > 1000 && j.dead > 2*len(j.entries) {
		_ = j.rewrite() // the old file goes on working
	}
}

// prune drops what was committed long ago.
func (j *journal) prune(now time.Time) {
	for id, e := range j.entries {
		if !e.committed.IsZero() && now.Sub(e.committed) > journalKeep {
			delete(j.entries, id)
			j.dead += 2
		}
	}
}

// find returns the entry that follows a record. A database restored from a
// backup uses generations again, so row, epoch and consent count too.
func (j *journal) find(rec Record) (CommitRequest, bool) {
	if j == nil {
		return CommitRequest{}, false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.entries[journalID{rec.Key, rec.Generation}]
	if e == nil || e.Epoch != rec.Epoch || e.Account != rec.ID || e.Was != rec.Grant {
		return CommitRequest{}, false
	}
	return e.request(time.Now()), true
}

// request is the commit of an entry.
func (e *journalEntry) request(now time.Time) CommitRequest {
	left := max(e.ExpiresIn-max(now.Sub(e.At), 0), 0)
	return CommitRequest{
		Key: e.id().key, Generation: e.Generation, Epoch: e.Epoch, Attempt: e.Attempt, Grant: e.Grant,
		Tokens: Sealed{e.Blob, e.KeyID}, NoRefresh: e.NoRefresh, OrganizationID: e.Org, UserID: e.User,
		ExpiresIn: left, DueIn: left / 2, Note: Note{Type: EventConnected, Actor: "system", Always: e.Grant != ""},
	}
}

// all lists what may have to be committed again, in the order in which it was:
// everything, or only what was not committed yet.
func (j *journal) all(now time.Time, committed bool) []CommitRequest {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []CommitRequest
	for _, e := range j.entries {
		if committed || e.committed.IsZero() {
			out = append(out, e.request(now))
		}
	}
	slices.SortFunc(out, func(a, b CommitRequest) int { return cmp.Compare(a.Generation, b.Generation) })
	return out
}

func (j *journal) close() {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close() // everything that counts was synced
		j.file = nil
	}
	_ = j.lock.Close() // once more does no harm
}

// retryJournal commits what could not be committed when it came. Whether the
// store has forgotten other commits shows when an account is renewed.
func (m *Manager) retryJournal(ctx context.Context) { m.replayJournal(ctx, false) }

// replayJournal commits what the journal holds and the store does not.
func (m *Manager) replayJournal(ctx context.Context, committed bool) {
	for _, q := range m.journal.all(time.Now(), committed) {
		row, err := m.load(ctx, q.Key)
		rec := row.Record
		switch {
		case err != nil && !errors.Is(err, ErrNotFound):
			continue // later
		case err == nil && rec.Generation < q.Generation:
			continue // the database was restored from before the journal begins
		}
		if _, ok := m.journal.find(rec); err != nil || !ok || rec.Generation != q.Generation {
			m.journal.done(q.Key, q.Generation, time.Now())
			continue
		}
		if _, err := openPair(m.vault, q.Tokens, AssociatedData(q.Key, rec.ID, PurposeTokens, q.Generation+1)); err != nil {
			m.log.ErrorContext(ctx, "tokens in the journal cannot be opened; they belong to another database, or their key is gone", "account", q.Key, "key_id", q.Tokens.KeyID)
			m.journal.done(q.Key, q.Generation, time.Now())
			continue
		}
		if _, err = m.tryCommit(ctx, q); err == nil {
			m.log.WarnContext(ctx, "tokens were restored from the journal", "account", q.Key, "generation", q.Generation+1)
			m.journal.done(q.Key, q.Generation, time.Now())
		}
	}
}
