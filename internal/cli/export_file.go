package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/buildinfo"
	"github.com/closekit/closekit/internal/dirsync"
	"github.com/closekit/closekit/internal/filelock"
	"github.com/closekit/closekit/runtime/everything"
)

// exportManifest describes an export: what was asked for, and what was written.
type exportManifest struct {
	List         string          `json:"list"`
	Tool         string          `json:"tool"`
	Format       string          `json:"format"`
	Input        json.RawMessage `json:"input"`
	Since        string          `json:"since,omitempty"`
	Columns      []string        `json:"columns,omitempty"`
	Organization string          `json:"organization_id"`
	ExportID     string          `json:"export_id,omitempty"` // of an export that Close writes

	Records  int       `json:"records"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	First    string    `json:"first_created,omitempty"` // the earliest date_created
	Last     string    `json:"last_created,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	Version  string    `json:"closekit_version"`
}

// same reports whether two exports ask for the same. The columns are not asked for: those of
// custom fields come and go with the fields, and an export keeps what it has begun with.
func (m *exportManifest) same(o *exportManifest) bool {
	return m.List == o.List && m.Tool == o.Tool && m.Format == o.Format && bytes.Equal(compact(m.Input), compact(o.Input)) && m.Organization == o.Organization && (m.Columns == nil) == (o.Columns == nil)
}

// exportFile is a file that is being written, with its checkpoint. Records are on the
// disk before the checkpoint counts them; after a crash, what follows them is cut off.
type exportFile struct {
	checkpoint
	path  string
	data  *os.File
	lock  *os.File
	sum   hash.Hash
	saved int // records that the checkpoint counts
}

// checkpoint is where an export goes on.
type checkpoint struct {
	exportManifest
	Position everything.Position `json:"position"`
}

func (f *exportFile) partial() string  { return f.path + ".partial" }
func (f *exportFile) saves() string    { return f.path + ".checkpoint" }
func (f *exportFile) manifest() string { return f.path + ".manifest.json" }

// openExport starts an export, or goes on with the one that the checkpoint describes.
func openExport(path string, m exportManifest, restart bool) (f *exportFile, err error) {
	f = &exportFile{checkpoint: checkpoint{exportManifest: m}, path: path, sum: sha256.New()}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.lock, err = filelock.Lock(f.saves() + ".lock"); err != nil {
		if filelock.IsLocked(err) {
			return f, usage("another export writes to "+path, "wait for it, or name another file with --out")
		}
		return f, &hinted{fmt.Errorf("the export cannot be written: %w", err), []string{"choose another folder with --out"}, exitFailure}
	}
	saved, err := os.ReadFile(f.saves())
	if restart || errors.Is(err, fs.ErrNotExist) {
		return f, f.begin()
	}
	startOver := "start from the beginning with --restart, or name another file with --out"
	var old checkpoint
	if err == nil {
		err = json.Unmarshal(saved, &old)
	}
	if err != nil {
		return f, &hinted{fmt.Errorf("%s cannot be read: %w", f.saves(), err), []string{startOver}, exitFailure}
	}
	if !old.same(&m) {
		return f, usage(fmt.Sprintf("%s is from another export: of other %s, another selection, format or organization", f.saves(), old.List), "repeat the command of that export", startOver)
	}
	f.checkpoint = old
	f.saved = old.Records
	if err := f.resume(); err != nil {
		return f, &hinted{err, []string{startOver}, exitFailure}
	}
	return f, nil
}

func (f *exportFile) begin() (err error) {
	f.Started, f.Version = time.Now().UTC().Truncate(time.Second), buildinfo.Text(closekit.Version)
	f.data, err = os.OpenFile(f.partial(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return &hinted{fmt.Errorf("the export cannot be written: %w", err), []string{"choose another folder with --out"}, exitFailure}
	}
	return nil
}

// resume cuts off what the checkpoint does not count, and checks the rest.
func (f *exportFile) resume() (err error) {
	if f.data, err = os.OpenFile(f.partial(), os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("%s is missing: %w", f.partial(), err)
	}
	if _, err := io.Copy(f.sum, io.LimitReader(f.data, f.Bytes)); err != nil {
		return fmt.Errorf("read %s: %w", f.partial(), err)
	}
	if f.hex() != f.SHA256 {
		return fmt.Errorf("%s was changed since the export stopped", f.partial())
	}
	if err := f.data.Truncate(f.Bytes); err != nil {
		return fmt.Errorf("cut off the rest of %s: %w", f.partial(), err)
	}
	_, err = f.data.Seek(f.Bytes, io.SeekStart)
	return err
}

func (f *exportFile) hex() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// Write is write for a file that Close makes.
func (f *exportFile) Write(b []byte) (int, error) {
	if err := f.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// write appends whole lines.
func (f *exportFile) write(lines []byte) error {
	if _, err := f.data.Write(lines); err != nil {
		return fmt.Errorf("write %s: %w", f.partial(), err)
	}
	_, _ = f.sum.Write(lines) // it never fails
	f.Bytes += int64(len(lines))
	return nil
}

// saw notes the date of a record.
func (f *exportFile) saw(created string) {
	if created == "" {
		return
	}
	if f.First == "" || created < f.First {
		f.First = created
	}
	f.Last = max(f.Last, created)
}

// save puts the records on the disk, then the checkpoint.
func (f *exportFile) save() error {
	if err := f.data.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", f.partial(), err)
	}
	f.SHA256 = f.hex()
	if err := replaceFile(f.saves(), &f.checkpoint); err != nil {
		return err
	}
	f.saved = f.Records
	return nil
}

// finish gives the file its name, and describes it.
func (f *exportFile) finish() error {
	f.Finished = time.Now().UTC().Truncate(time.Second)
	if err := f.save(); err != nil {
		return err
	}
	if err := f.data.Close(); err != nil {
		return fmt.Errorf("write %s: %w", f.partial(), err)
	}
	f.data = nil
	if err := replaceFile(f.manifest(), &f.exportManifest); err != nil {
		return err
	}
	if err := os.Rename(f.partial(), f.path); err != nil {
		return fmt.Errorf("the export is complete in %s: %w", f.partial(), err)
	}
	if err := os.Remove(f.saves()); err != nil {
		return fmt.Errorf("the export is complete: %w", err)
	}
	if err := dirsync.Parent(f.path); err != nil {
		return fmt.Errorf("the export is complete: %w", err)
	}
	return nil
}

func (f *exportFile) close() {
	if f.data != nil {
		_ = f.data.Close() // what counts is on the disk
	}
	if f.lock != nil {
		_ = os.Remove(f.lock.Name())
		_ = f.lock.Close()
	}
}

// replaceFile writes JSON to a file; see replaceText.
func replaceFile(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return replaceText(path, append(b, '\n'), 0o600)
}

// replaceText writes a file, which has either its old or its new content after a crash.
func replaceText(path string, text []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".closekit-*") // two processes may write the same file
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(tmp.Name())))
	}
	if err := dirsync.Parent(path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
