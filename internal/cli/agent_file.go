package cli

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"

	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/agent/auditlog"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// fileLog is an audit log in a file.
type fileLog struct {
	*auditlog.Log
	path string
}

// Verify implements agentLog.
func (l fileLog) Verify(context.Context) (agent.ChainReport, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return agent.ChainReport{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	return auditlog.Verify(file)
}

// withAuditFile opens an audit log in a file for writing, with approvals in memory, does
// the work, and closes it again.
func (p *program) withAuditFile(f *accountFlags, name string, work func(*agentDB) error) error {
	if _, err := os.Stat(name); err != nil { // Open would create it
		return unreadLog(err)
	}
	v, err := p.keyIfGiven(f)
	if err != nil {
		return err
	}
	var opts []auditlog.Option
	if v != nil {
		opts = append(opts, auditlog.WithVault(v))
	}
	l, err := auditlog.Open(name, opts...)
	if errors.Is(err, auditlog.ErrInUse) {
		return &hinted{errors.New("the program with the agents has the log open, and only one process can write to it"), []string{"stop the program first"}, exitFailure}
	}
	if err != nil {
		return brokenLog(agent.ChainReport{}, err)
	}
	a := &agentDB{vault: v, log: fileLog{l, name}}
	a.store = struct {
		agent.Store
		io.Closer
	}{agent.NewMemoryStore(), l}
	return a.closed(work(a))
}

// readAuditFile returns the records of an audit log in a file, also while the program
// with the agents writes to it.
func (p *program) readAuditFile(f *accountFlags, name string, q agent.RunQuery) ([]agent.Record, error) {
	v, err := p.keyIfGiven(f)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return nil, unreadLog(err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	if v == nil {
		return auditlog.Read(file, q, nil)
	}
	return auditlog.Read(file, q, v)
}

func unreadLog(err error) error {
	return usage("the log cannot be read: "+err.Error(), "name the file that the program with the agents writes")
}

// keyIfGiven returns the vault of the key, nil if none is given: a log in a file can be
// read without its snapshots.
func (p *program) keyIfGiven(f *accountFlags) (*vault.Vault, error) {
	if cmp.Or(f.keyFile, p.getenv(envKey), p.getenv(envKeyFile)) == "" {
		return nil, nil //nolint:nilnil // it is none
	}
	_, v, _, err := p.keyset(f)
	return v, err
}

// oneLog wants the flags of a database and of a file not to be mixed.
func oneLog(f *accountFlags, file string) error {
	if file != "" && f.db != "" && f.account == "" {
		return usage("--file and --db exclude each other", "name the log that the program with the agents writes")
	}
	return nil
}
