package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/closekit/closekit/internal/filelock"
)

// journal is what became of each line of an import, as JSON lines. It is on the disk
// before the next lead is created.
type journal struct {
	path string
	file *os.File
	lock *os.File
	done map[int]journalEntry
}

// journalEntry is a line of the journal. The first one has only the header.
type journalEntry struct {
	File         string `json:"file_sha256,omitempty"` // and what its columns are
	Organization string `json:"organization_id,omitempty"`

	Line    int    `json:"line,omitempty"`
	Doing   bool   `json:"doing,omitempty"` // it may be created next
	Outcome fate   `json:"outcome,omitempty"`
	ID      string `json:"id,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// openJournal opens the journal of an import, and reads what an earlier run did.
func openJournal(path, hash, org string, restart bool) (j *journal, err error) {
	j = &journal{path: path, done: map[int]journalEntry{}}
	if j.lock, err = filelock.Lock(path + ".lock"); err != nil {
		if filelock.IsLocked(err) {
			return nil, usage("another import of this file is running", "wait for it")
		}
		return nil, fmt.Errorf("write the journal of the import: %w", err)
	}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	old, err := os.ReadFile(path) //nolint:gosec // it is beside a file that the user names
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return j, fmt.Errorf("read the journal of the import: %w", err)
	}
	if restart {
		old = nil
	}
	whole := old[:bytes.LastIndexByte(old, '\n')+1] // a crash may have torn the last line
	header := journalEntry{File: hash, Organization: org}
	for i, line := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		var e journalEntry
		switch {
		case len(whole) == 0:
			continue
		case json.Unmarshal(line, &e) != nil:
			return j, &hinted{fmt.Errorf("line %d of %s cannot be read", i+1, path), []string{"start over with --restart; leads that exist by then are not created again"}, exitFailure}
		case i == 0 && e != header:
			return j, usage(path+" is from another file, other columns or another organization", "start over with --restart; leads that exist by then are not created again")
		case i > 0:
			j.done[e.Line] = e
		}
	}
	if j.file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600); err != nil { //nolint:gosec // it is beside a file that the user names
		return j, fmt.Errorf("write the journal of the import: %w", err)
	}
	if err := j.file.Truncate(int64(len(whole))); err != nil {
		return j, fmt.Errorf("write the journal of the import: %w", err)
	}
	if _, err := j.file.Seek(0, 2); err != nil {
		return j, fmt.Errorf("write the journal of the import: %w", err)
	}
	if len(whole) == 0 {
		return j, j.add(header)
	}
	return j, nil
}

// add appends an entry and waits until it is on the disk.
func (j *journal) add(e journalEntry) error {
	b, err := json.Marshal(e)
	if err == nil {
		_, err = j.file.Write(append(b, '\n'))
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the journal of the import: %w", err)
	}
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close() // every entry is on the disk
	}
	_ = os.Remove(j.lock.Name())
	_ = j.lock.Close()
}
