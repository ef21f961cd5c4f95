package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
)

// claimAll claims and commits until nothing is due, and visits what it claimed.
func claimAll(ctx context.Context, s accounts.Store, worker string, visit func(accounts.Record)) error {
	for n := 0; ; n++ {
		list, err := s.ClaimDue(ctx, accounts.DueRequest{Connection: connection, Attempt: worker + strconv.Itoa(n), Owner: worker, Lease: time.Minute, Limit: 7})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			visit(r)
			_, err := s.Commit(ctx, accounts.CommitRequest{
				Key: r.Key, Generation: r.Generation, Epoch: r.Epoch, Attempt: r.Attempt,
				Tokens: accounts.Sealed{Blob: []byte("next"), KeyID: 1}, ExpiresIn: time.Hour, DueIn: time.Hour,
			})
			if err != nil {
				return err
			}
		}
	}
}

// drain is what a child process does: it prints what it claims.
func drain(path string) error {
	s, err := sqlitestore.Open(path)
	if err != nil {
		return err
	}
	err = claimAll(context.Background(), s, fmt.Sprint("p", os.Getpid(), "-"), func(r accounts.Record) { fmt.Println(r.ID, r.Generation) })
	if err != nil {
		return err
	}
	return s.Close()
}

func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	const n = 150
	s := open(t, path)
	connect(t, s, n)
	outs := make([]strings.Builder, 4)
	var wg sync.WaitGroup
	for i := range outs {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+path)
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		wg.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("child: %v", err)
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for i := range outs {
		for line := range strings.Lines(outs[i].String()) {
			seen[strings.TrimSpace(line)]++
		}
	}
	for line, times := range seen {
		if times != 1 || !strings.HasSuffix(line, " 1") {
			t.Errorf("%q was printed %d times", line, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d were claimed", len(seen), n)
	}
	list, err := s.List(t.Context(), accounts.ListFilter{Limit: n})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Generation != 2 || r.Attempt != "" {
			t.Errorf("%s is left as %+v", r.ID, r)
		}
	}
}

// TestChildrenAreKilled kills processes at any moment: what is left is whole.
func TestChildrenAreKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "accounts.db")
	const n = 100
	s := open(t, path)
	connect(t, s, n)
	for i := range 10 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(10+7*i) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		list, err := s.List(t.Context(), accounts.ListFilter{Limit: n})
		if err != nil || len(list) != n {
			t.Fatalf("after a kill: %d accounts, %v", len(list), err)
		}
		for _, r := range list {
			if want := map[int64]string{1: "pair", 2: "next"}[r.Generation]; string(r.Tokens.Blob) != want || (r.Generation == 2 && r.Attempt != "") {
				t.Fatalf("after a kill: %+v", r)
			}
		}
	}
}
