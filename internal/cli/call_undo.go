package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/dirsync"
)

// undoFlags say where the records of a bulk edit or deletion are kept.
type undoFlags struct {
	undo   string
	noUndo bool
}

func (f *undoFlags) define(flags *pflag.FlagSet) {
	flags.StringVar(&f.undo, "undo", "", "keep the records of a bulk edit or deletion in this new `file`, as they are before it")
	flags.BoolVar(&f.noUndo, "no-undo", false, "do not keep the records of a bulk edit or deletion")
}

// check refuses flags that do not go with the tool.
func (f *undoFlags) check(t *closekit.Tool) error {
	given := f.undo != "" || f.noUndo
	switch {
	case given && !t.KeepsRecords():
		return usage(t.Name+" keeps no records, so --undo and --no-undo have no effect", "leave them out")
	case f.undo != "" && f.noUndo:
		return usage("--undo and --no-undo exclude each other", "give only one of them")
	case !given && t.KeepsRecords():
		return usage(t.Name+" needs --undo FILE, where the records are kept as they are, before anything is sent", "--no-undo does without")
	}
	if _, err := os.Lstat(f.undo); f.undo != "" && err == nil {
		return f.exists()
	}
	return nil
}

func (f *undoFlags) exists() error {
	return usage(f.undo+" exists already, and it may be the only undo of another action; nothing was sent", "choose another name with --undo FILE")
}

// do makes a call. The file with the records is left if the call has changed something,
// or may have.
func (p *program) do(ctx context.Context, c *closekit.Client, r *request, input []byte) (*closekit.ToolResult, error) {
	f := &r.undoFlags
	switch {
	case f.noUndo:
		return r.tool.Do(ctx, c, input, closekit.UndoTo(io.Discard))
	case f.undo == "":
		return r.tool.Do(ctx, c, input)
	}
	file, err := os.OpenFile(f.undo, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, f.exists()
	}
	if err != nil {
		return nil, fmt.Errorf("--undo: %w; nothing was sent", err)
	}
	if err := dirsync.Parent(f.undo); err != nil { // the records are lost with their name
		return nil, errors.Join(fmt.Errorf("--undo: %w; nothing was sent", err), file.Close(), os.Remove(f.undo))
	}
	result, err := r.tool.Do(ctx, c, input, closekit.UndoTo(file))
	if closed := file.Close(); err == nil && closed != nil {
		p.note("%s: close %s: %s", p.name, f.undo, cause(closed)) // it was synced
	}
	if err != nil && !closekit.MaybeDone(err) {
		if errors.Is(err, syscall.ENOSPC) {
			err = &hinted{err, []string{"the disk is full; free some space first"}, exitFailure}
		}
		return nil, errors.Join(err, os.Remove(f.undo))
	}
	p.note("%s: the records as they were are in %s", p.name, f.undo)
	return result, err
}
