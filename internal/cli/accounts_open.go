package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/internal/httpx"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/pgstore"
	"github.com/closekit/closekit/runtime/accounts/sqlitestore"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

// appNeed says how much a command needs the OAuth application.
type appNeed int

const (
	appUnused   appNeed = iota // it never talks to Close
	appIfGiven                 // it can tell more with it
	appRequired                // it may have to renew a token
)

// session is an open database of accounts with a manager on it.
type session struct {
	*accounts.Manager
	store interface {
		accounts.Store
		io.Closer
	}
	withApp bool // the manager knows the OAuth application
	vault   *vault.Vault
}

// withManager opens the accounts, does the work, and closes them again.
func (p *program) withManager(ctx context.Context, f *accountFlags, need appNeed, create bool, work func(*session) error) error {
	m, err := p.openSession(ctx, f, need, create)
	if err != nil {
		return err
	}
	err = work(m)
	// What was sent is brought to its end in spite of Ctrl-C: its tokens would
	// be lost. A second Ctrl-C ends the process.
	closing := errors.Join(m.Close(context.WithoutCancel(ctx)), m.store.Close())
	if err == nil && closing != nil {
		err = fmt.Errorf("close the database of accounts: %w", closing)
	}
	return err
}

// openSession checks all settings before it opens anything.
func (p *program) openSession(ctx context.Context, f *accountFlags, need appNeed, create bool) (*session, error) {
	db, err := p.database(f)
	if err != nil {
		return nil, err
	}
	_, v, from, err := p.keyset(f)
	if err != nil {
		return nil, err
	}
	app, given, err := p.application(f, need)
	if err != nil {
		return nil, err
	}
	m := &session{withApp: given, vault: v}
	if err := p.openStore(ctx, m, db, create); err != nil {
		return nil, err
	}
	if err = fits(ctx, m, v, from); err == nil {
		cfg := accounts.Config{Store: m.store, Vault: v, Connections: []accounts.Connection{app}}
		if p.verbose {
			cfg.Logger = p.logger()
		}
		dir := ""
		if need == appRequired {
			dir = p.stateDir(f, db)
		}
		m.Manager, err = startManager(ctx, cfg, dir)
	}
	if err != nil {
		return nil, errors.Join(err, m.store.Close())
	}
	return m, nil
}

const dbExample = "such as --db accounts.db, or " + envDB + "=postgres://user:password@host/database for PostgreSQL"

// database returns where the accounts are. There is no default: a database in an
// unexpected place is a lost one, with all connections in it.
func (p *program) database(f *accountFlags) (string, error) {
	db, from := f.db, "--db"
	if db == "" {
		db, from = p.getenv(envDB), envDB
	}
	scheme, _, isURL := strings.Cut(db, "://")
	switch {
	case db == "":
		return "", usage("no database of accounts is given", "set "+envDB+" or --db, "+dbExample)
	case isPostgres(db):
		p.hidePassword(db)
	case isURL:
		return "", usage(fmt.Sprintf("%s begins with %q, which is not supported", from, shorten(scheme)+"://"), "give a file or a PostgreSQL URL, "+dbExample)
	case strings.Contains(db, "host=") || strings.Contains(db, "dbname=") || strings.Contains(db, "password="):
		return "", usage(from+" must be the name of a file or a URL", dbExample)
	}
	return db, nil
}

func isPostgres(db string) bool {
	return strings.HasPrefix(db, "postgres://") || strings.HasPrefix(db, "postgresql://")
}

func (p *program) hidePassword(db string) {
	if u, err := url.Parse(db); err == nil {
		password, _ := u.User.Password()
		p.hide(password)
		p.hide(u.Query().Get("password"))
		return
	}
	// The part before the last @ may hold a password.
	if at := strings.LastIndex(db, "@"); at > 0 {
		_, rest, _ := strings.Cut(db[:at], "://")
		p.hide(rest)
	}
}

func (p *program) openStore(ctx context.Context, m *session, db string, create bool) error {
	var err error
	if isPostgres(db) {
		made := create
		if !create {
			made, err = pgstore.Exists(ctx, db)
		}
		if err == nil && !made {
			return &hinted{
				errors.New("there are no accounts in this PostgreSQL database"),
				[]string{"\"closekit accounts connect NAME\" creates the tables; is " + envDB + " or --db right?"},
				exitFailure,
			}
		}
		var s *pgstore.Store
		if err == nil {
			s, err = pgstore.Open(ctx, db)
		}
		if err == nil {
			m.store = s
			return nil
		}
		return &hinted{
			fmt.Errorf("the database of accounts cannot be opened: %w", err),
			[]string{"check the PostgreSQL URL in " + envDB + " or --db, and the server"},
			exitFailure,
		}
	}
	if _, err := os.Stat(db); errors.Is(err, fs.ErrNotExist) && !create {
		return &hinted{
			fmt.Errorf("there is no database of accounts at %s", db),
			[]string{"\"closekit accounts connect NAME\" creates it; is " + envDB + " or --db right?"},
			exitFailure,
		}
	}
	var s *sqlitestore.Store
	if s, err = sqlitestore.Open(db); err == nil {
		m.store = s
		return nil
	}
	return &hinted{
		fmt.Errorf("the database of accounts cannot be opened: %w", err),
		[]string{sqliteHint(err)},
		exitFailure,
	}
}

// sqliteHint says what to do about a file that cannot be opened.
func sqliteHint(err error) string {
	for _, h := range []struct{ about, hint string }{
		{"is of version", "install a newer version; this one leaves the file as it is"},
		{"not a database", envDB + " or --db must name another file; this one was left as it is"},
		{"another program", envDB + " or --db must name another file; this one was left as it is"},
		{"damaged", "restore the file from a backup; a copy of the damaged file may help to find the cause"},
		{"held by another process", "end the other process, or try again when it is done"},
		{"disk is full", "free space on the disk and try again; nothing was changed"},
	} {
		if strings.Contains(err.Error(), h.about) {
			return h.hint
		}
	}
	return envDB + " or --db names a file on a local disk, in a folder that exists; file and folder must be writable"
}

// fits checks that the database was sealed with the key. The manager refuses a
// wrong one too; this error is in terms of the command line.
func fits(ctx context.Context, m *session, v *vault.Vault, from string) error {
	use, err := m.store.KeyUse(ctx)
	if err != nil {
		return fmt.Errorf("read the database of accounts: %w", err)
	}
	_, mine := v.KeyIDs()
	for _, id := range mine {
		delete(use, id)
	}
	if len(use) == 0 {
		return nil
	}
	return &hinted{
		fmt.Errorf("the key from %s is not the one that the database was sealed with: it has %s, and %s is needed", from, keyNames(mine), keyNames(sortedKeys(use))),
		[]string{"set " + envKey + " or " + envKeyFile + " to the key that was used with this database; without it, its accounts must be connected again into a new one"},
		exitFailure,
	}
}

// application returns the OAuth application. Commands that never talk to Close
// get a placeholder, which leaves no trace in the database: the
// health of a connection is stored under its configuration, and only when a
// token was asked for.
func (p *program) application(f *accountFlags, need appNeed) (c accounts.Connection, given bool, err error) {
	c = accounts.Connection{
		Name: f.connectionName(), ClientID: cmp.Or(f.clientID, p.getenv(envClientID)), RedirectURL: cmp.Or(f.redirect, p.getenv(envRedirectURL)),
	}
	secret, err := p.clientSecret(f)
	if err != nil {
		return c, false, err
	}
	given = c.ClientID != "" && secret != ""
	if need == appUnused || need == appIfGiven && !given {
		c.ClientID, c.ClientSecret, c.RedirectURL = "-", accounts.NewSecret("-"), anyLoopback
		return c, false, checkConnection(c.Name)
	}
	var missing []string
	if c.ClientID == "" {
		missing = append(missing, "client id ("+envClientID+" or --client-id)")
	}
	if secret == "" {
		missing = append(missing, "client secret ("+envClientSecret+" or --client-secret-file)")
	}
	if len(missing) > 0 {
		return c, false, usage("the OAuth application is incomplete: its "+strings.Join(missing, " and its ")+" is missing",
			"create one in Close under Settings > Developer, or use the one that \"closekit emulator\" prints")
	}
	c.ClientSecret = accounts.NewSecret(secret)
	if c.RedirectURL == "" {
		c.RedirectURL = anyLoopback
	} else if err := checkRedirect(c.RedirectURL); err != nil {
		return c, false, err
	}
	root, u, err := p.apiRoot()
	switch {
	case err != nil:
		return c, false, err
	case u.Scheme == "http" && !httpx.IsLocal(u.Hostname()):
		return c, false, usage("the base URL "+root+" is not encrypted, which OAuth requires", "use https; http is for this computer only")
	case root != closekit.DefaultBaseURL:
		c.AuthorizeURL, c.TokenURL, c.RevokeURL = root+"/oauth2/authorize/", root+"/oauth2/token/", root+"/oauth2/revoke/"
	}
	return c, true, checkConnection(c.Name)
}

// anyLoopback stands for a redirect URL whose port is chosen later.
const anyLoopback = "http://127.0.0.1/callback"

func checkConnection(name string) error {
	if url.PathEscape(name) != name || len(name) > accounts.MaxNameBytes || name == "." || name == ".." {
		return usage(fmt.Sprintf("the name of the connection %q must be valid in a URL path", shorten(name)), "leave out --connection, or use a name such as close")
	}
	return nil
}

// checkRedirect accepts what OAuth applications can have.
func checkRedirect(redirect string) error {
	u, err := url.Parse(redirect)
	if err == nil && u.Host != "" && u.User == nil && u.Fragment == "" && (u.Scheme == "https" || u.Scheme == "http" && httpx.IsLocal(u.Hostname())) {
		return nil
	}
	return usage(fmt.Sprintf("the redirect URL %q is invalid: it must begin with https://, or with http:// on this computer", shorten(redirect)),
		"give --redirect-url or "+envRedirectURL+" as the OAuth application has it, such as https://app.example.com/callback")
}

func (p *program) clientSecret(f *accountFlags) (string, error) {
	secret := p.getenv(envClientSecret)
	if f.secretFile != "" {
		text, err := p.secretFile("--client-secret-file", f.secretFile)
		if err != nil {
			return "", err
		}
		secret = text
	}
	secret = strings.TrimSpace(secret)
	p.hide(secret)
	return secret, nil
}

// stateDir returns the folder of the journals, or "" for none.
func (p *program) stateDir(f *accountFlags, db string) string {
	dir := cmp.Or(f.stateDir, p.getenv(envStateDir))
	if dir == "" && !isPostgres(db) {
		dir = db + ".state"
	}
	return dir
}

// maxProcesses bounds the commands that work on one database with a journal at
// the same time.
const maxProcesses = 64

// startManager starts a manager with a folder for its journal that no other process
// uses.
func startManager(ctx context.Context, cfg accounts.Config, dir string) (*accounts.Manager, error) {
	if dir == "" {
		return accounts.New(ctx, cfg)
	}
	for n := 1; n <= maxProcesses; n++ {
		cfg.StateDir = filepath.Join(dir, strconv.Itoa(n))
		m, err := accounts.New(ctx, cfg)
		if err == nil {
			if err = recoverOthers(ctx, cfg, dir, n); err == nil {
				return m, nil
			}
			err = errors.Join(err, m.Close(ctx))
		}
		var path *fs.PathError
		switch {
		case errors.Is(err, accounts.ErrStateDirInUse): // another command has it
		case errors.As(err, &path):
			return nil, &hinted{err, []string{"the journal of renewals is kept in " + dir + "; " + envStateDir + " or --state-dir names another folder"}, exitFailure}
		default:
			return nil, err
		}
	}
	return nil, &hinted{
		fmt.Errorf("%d other commands are using %s already", maxProcesses, dir), []string{"try again when one of them has finished"}, exitTransport,
	}
}

// recoverOthers commits what crashed commands left in the journals of other
// folders than this one.
func recoverOthers(ctx context.Context, cfg accounts.Config, dir string, own int) error {
	for n := 1; n <= maxProcesses; n++ {
		cfg.StateDir = filepath.Join(dir, strconv.Itoa(n))
		if info, err := os.Stat(filepath.Join(cfg.StateDir, "journal")); n == own || err != nil || info.Size() == 0 {
			continue
		}
		if m, err := accounts.New(ctx, cfg); err == nil {
			_ = m.Close(ctx) // nothing was begun
		} else if !errors.Is(err, accounts.ErrStateDirInUse) { // it is in use otherwise
			return err
		}
	}
	return nil
}
