package accounts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closekit/closekit/internal/oauthtest"
	"github.com/closekit/closekit/runtime/accounts/internal/failpoint"
)

// TestJournalGrows lets a day pass.
func TestJournalGrows(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		w.run()
		time.Sleep(24 * time.Hour)
		info, err := os.Stat(filepath.Join(dir, "journal"))
		w.m.journal.mu.Lock()
		n := len(w.m.journal.entries)
		w.m.journal.mu.Unlock()
		if err != nil || n > 2 || info.Size() > 64<<10 {
			w.Errorf("after a day the journal of one account holds %d entries in %d bytes: %v", n, info.Size(), err)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalOtherDatabase begins with a new database and an old journal.
func TestJournalOtherDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		_ = w.m.Close(w.Context())
		// The database is made anew; the state directory stays.
		fresh := w.cfg
		store := NewMemoryStore()
		fresh.Store = store
		m, err := New(w.Context(), fresh)
		if err != nil {
			w.Fatal(err)
		}
		defer m.Close(w.Context())
		if _, err := m.GetOrCreate(w.Context(), user("ada"), conName); err != nil {
			w.Fatal(err)
		}
		m.replayJournal(w.Context(), true) // as Run does every 30 seconds
		info, _ := m.Get(w.Context(), user("ada"), conName)
		a, _ := m.Account(user("ada"), conName)
		_, err = a.Credential(w.Context())
		if info.State != Pending {
			w.Errorf("an account that was never connected is %s; its credential: %v", info.State, err)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalRemovedKey brings back a process whose journal is sealed with a key
// that is gone.
func TestJournalRemovedKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		// A commit that does not get through before the process ends.
		idleOut()
		w.store.fails(func(op string) error {
			if op == "commit" {
				return os.ErrDeadlineExceeded
			}
			return nil
		})
		_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
		_ = w.m.Close(w.Context())
		w.store.fails(nil)
		// Meanwhile the key is rotated by others, by the book.
		w.vault.add(2)
		other := w.cfg
		other.StateDir = ""
		m, err := New(w.Context(), other)
		if err != nil {
			w.Fatal(err)
		}
		if _, err := m.Reseal(w.Context()); err != nil {
			w.Fatal(err)
		}
		h, _ := m.Health(w.Context())
		if h.KeyUse[1] != 0 {
			w.Fatalf("%v", h.KeyUse)
		}
		_ = m.Close(w.Context())
		w.vault.mu.Lock()
		delete(w.vault.keys, 1)
		w.vault.mu.Unlock()
		m, err = New(w.Context(), w.cfg) // the process comes back
		if err != nil {
			w.Fatal(err)
		}
		a, _ := m.Account(user("ada"), conName)
		_ = w.keep(second(a.Credential(w.Context())))
		_ = m.Close(w.Context())
		if m, err = New(w.Context(), other); err != nil {
			w.Errorf("no manager starts any more: %v", err)
			return
		}
		_ = m.Close(w.Context())
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalAfterTornLine writes on after a line that was cut by a full disk.
func TestJournalAfterTornLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.Open(filepath.Join(dir, "journal")) // not for writing
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	file := j.file
	j.file = full
	if _, err = j.add(Record{}, CommitRequest{Key: user("bob").Key(conName), Tokens: Sealed{[]byte("x"), 1}, Attempt: "a"}, time.Now()); err == nil {
		t.Error("a full disk took an entry")
	}
	j.file = file
	if _, err := file.WriteString(`{"t":"dGVu`); err != nil { // as far as it came
		t.Fatal(err)
	}
	sync, err := j.add(Record{}, CommitRequest{Key: user("ada").Key(conName), Tokens: Sealed{[]byte("x"), 1}, Attempt: "a"}, time.Now())
	if err != nil || sync() != nil {
		t.Fatal(err)
	}
	j.close()
	j, err = openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if _, ok := j.find(Record{Key: user("ada").Key(conName)}); !ok {
		t.Error("an entry that was written and synced is not in the journal after a restart")
	}
}

type slowHealth struct {
	*spyStore
	during func()
}

func (s *slowHealth) SetHealth(ctx context.Context, h ConnectionHealth, d time.Duration) error {
	if s.during != nil {
		s.during()
	}
	return s.spyStore.SetHealth(ctx, h, d)
}

// TestJournalComesFirst wants a new pair to be safe before anything else is
// stored.
func TestJournalComesFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var h *slowHealth
	inWorld(t, func(w *world) {
		w.connect("ada")
		idleOut()
		w.p.Script(oauthtest.Refuse(401, "invalid_client"))
		_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
		before := w.rec("ada")
		h.during = func() {
			_, refreshes := w.counts()
			if _, ok := w.m.journal.find(before); refreshes == 1 && !ok {
				w.Errorf("the provider has rotated, the pair is neither sealed nor in the journal, and the manager talks to the store about something else")
			}
		}
		_, _ = w.m.Refresh(w.Context(), user("ada"), conName)
	}, func(cfg *Config) {
		h = &slowHealth{spyStore: cfg.Store.(*spyStore)}
		cfg.Store, cfg.StateDir = h, dir
	})
}

// TestRestoredBackup brings back yesterday's database under a running process.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		old := w.rec("ada")
		for range 20 {
			idleOut()
			w.ok(a)
		}
		idleOut()
		w.store.put(old)
		w.store.mu.Lock()
		delete(w.store.last, old.Key)
		w.store.mu.Unlock()
		_ = w.get(a)
		w.state("ada", Revoked, RotationLost)
		if st, err := w.store.Stats(w.Context()); err != nil || st.InDoubt != 0 {
			w.Errorf("what became of it is known, and %d attempts are in doubt, %v", st.InDoubt, err)
		}
		_, before := w.counts()
		w.connect("ada") // the user connects again
		err := w.get(a)
		_, after := w.counts()
		if err != nil || after != before {
			w.Errorf("the user connected again a moment ago; one call made %d refreshes and gave: %v", after-before, err)
		}
	})
}

// TestIdleJournalLoadsNothing counts what an idle journal asks of the store.
func TestIdleJournalLoadsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		const n = 300
		for i := range n {
			w.connect(fmt.Sprint("u", i))
		}
		before := w.store.loads
		w.m.retryJournal(w.Context())
		if got := w.store.loads - before; got > 0 {
			w.Errorf("with nothing to do, %d accounts are loaded", got)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalOverConsent has a journal that holds tokens of a former consent
// under a generation that is used again after a restore.
func TestJournalOverConsent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connectAs("ada", oauthtest.Identity{User: "user_former", Organization: "orga_1"})
		old := w.rec("ada")
		for range 3 { // generations 2 to 4
			if _, err := w.m.Refresh(w.Context(), user("ada"), conName); err != nil {
				w.Fatal(err)
			}
		}
		w.m.journal.mu.Lock()
		for id := range w.m.journal.entries { // the others were made by another replica, in its journal
			if id.generation != 3 {
				delete(w.m.journal.entries, id)
			}
		}
		w.m.journal.mu.Unlock()
		// The database comes back older.
		w.store.put(old)
		w.store.mu.Lock()
		clear(w.store.last)
		w.store.mu.Unlock()
		_ = w.keep(second(w.m.Refresh(w.Context(), user("ada"), conName)))
		w.state("ada", Revoked, RotationLost)
		// The user connects again, as another Close user, on purpose.
		w.connectAs("ada", who("ada"), NewIdentity())
		_ = w.keep(second(w.m.Refresh(w.Context(), user("ada"), conName)))
		w.m.replayJournal(w.Context(), true) // as Run does every 30 seconds
		if r := w.rec("ada"); r.UserID != "user_ada" {
			w.Errorf("without any consent the account acts as Close user %s again (generation %d)", r.UserID, r.Generation)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalForgetsAcrossStarts restarts once an hour.
func TestJournalForgetsAcrossStarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		for range 20 {
			if err := w.m.Close(w.Context()); err != nil {
				w.Fatal(err)
			}
			time.Sleep(time.Hour)
			w.m = w.manager()
			if _, err := w.m.Refresh(w.Context(), user("ada"), conName); err != nil {
				w.Fatal(err)
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "journal"))
		if n := strings.Count(string(b), "\n"); n != 2 || err != nil {
			w.Errorf("the journal has %d lines, %v", n, err)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestJournalSavesThePair dies between the journal and the commit, and then has
// the database restored from before a commit.
func TestJournalSavesThePair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	with := func(cfg *Config) { cfg.StateDir = dir }
	inWorld(t, func(w *world) {
		a := w.connect("ada")
		idleOut()
		// The process dies between the journal and the commit.
		died := false
		ctx := failpoint.With(w.Context(), func(s failpoint.Step) error {
			if s == failpoint.Journaled && !died {
				died = true
				return errors.New("killed")
			}
			return nil
		})
		if _, err := a.Credential(ctx); w.keep(err) == nil {
			t.Fatal("it did not die")
		}
		if r := w.rec("ada"); r.Generation != 1 || r.Attempt == "" {
			t.Fatalf("the row is %+v", r)
		}
		second := w.cfg
		if _, err := New(w.Context(), second); err == nil {
			t.Error("two processes share a journal")
		}
		if err := w.m.Close(w.Context()); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "journal"))
		if err != nil || strings.Contains(string(raw), canary) || len(raw) == 0 {
			t.Errorf("the journal holds %q, %v", raw, err)
		}
		if st, err := os.Stat(filepath.Join(dir, "journal")); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the journal is %v, %v", st.Mode(), err)
		}
		w.m = w.manager()
		if r := w.rec("ada"); r.Generation != 2 || r.State != Active {
			t.Errorf("after the start the row is %+v", r)
		}
		w.ok(w.account("ada"))
		if _, refreshes := w.counts(); refreshes != 1 {
			t.Errorf("%d refreshes", refreshes)
		}

		// The database comes back as it was before the last commit.
		a = w.account("ada")
		idleOut()
		before := w.rec("ada")
		w.ok(a)
		time.Sleep(time.Second)
		w.store.put(before)
		w.store.last = map[Key]Record{}
		other := w.m.entry(a.key)
		other.token.Store(nil)
		other.newest.Store(0)
		w.ok(a)
		w.state("ada", Active, "")
		if _, refreshes := w.counts(); refreshes != 2 {
			t.Errorf("%d refreshes", refreshes)
		}
	}, with)
}

// TestJournalOfSeveralGenerations brings back databases of several ages.
func TestJournalOfSeveralGenerations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inWorld(t, func(w *world) {
		w.connect("ada")
		var old []Record
		for range 4 {
			old = append(old, w.rec("ada"))
			if _, err := w.m.Refresh(w.Context(), user("ada"), conName); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.m.Close(w.Context()); err != nil {
			t.Fatal(err)
		}
		for _, back := range []Record{old[2], old[0], old[1]} { // the database forgot
			w.store.put(back)
			w.store.last = map[Key]Record{}
			w.m = w.manager()
			if r := w.rec("ada"); r.Generation != 5 || r.State != Active {
				t.Errorf("from generation %d the journal led to %d, %s", back.Generation, r.Generation, r.State)
			}
			w.ok(w.account("ada"))
			if err := w.m.Close(w.Context()); err != nil {
				t.Fatal(err)
			}
		}
		// Older than the journal reaches back: its entries wait.
		ancient := old[0]
		ancient.Generation = -1
		w.store.put(ancient)
		w.store.last = map[Key]Record{}
		w.m = w.manager()
		if r := w.rec("ada"); r.Generation != -1 {
			t.Errorf("generation %d", r.Generation)
		}
		w.store.put(old[0])
		w.m.replayJournal(w.Context(), true)
		if r := w.rec("ada"); r.Generation != 5 {
			t.Errorf("generation %d after the database caught up", r.Generation)
		}
	}, func(cfg *Config) { cfg.StateDir = dir })
}

// TestDamagedJournal reads what is left of a journal.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	q := CommitRequest{Key: user("ada").Key(conName), Generation: 4, Attempt: "a", Tokens: Sealed{[]byte("sealed"), 7}, ExpiresIn: time.Hour}
	added := time.Now()
	if _, err := j.add(Record{}, q, added); err != nil {
		t.Fatal(err)
	}
	j.close()
	j.close()
	if _, err := j.add(Record{}, q, time.Now()); err == nil {
		t.Error("a closed journal takes entries")
	}
	f, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString("garbage\n{\"g\":5,\"b\":\"cut")
	_ = f.Close()
	j, err = openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	got, ok := j.find(Record{Key: q.Key, Generation: 4, Epoch: q.Epoch})
	if !ok || string(got.Tokens.Blob) != "sealed" || got.Tokens.KeyID != 7 || got.Attempt != "a" ||
		got.ExpiresIn > time.Hour || got.ExpiresIn < time.Hour-time.Since(added) {
		t.Errorf("found %+v, %v", got, ok)
	}
	if n := len(j.all(time.Now(), true)); n != 1 {
		t.Errorf("%d entries", n)
	}
}
