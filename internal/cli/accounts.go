package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/closekit/closekit/runtime/accounts"
)

func (p *program) accountsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "accounts",
		Short: "Connect Close accounts through OAuth, and look after them",
		Long: `Connect the Close account of a user through OAuth, and act as that user from then
on: the tokens are kept sealed in a database and renewed when they are needed.
It is the same database that a program with package runtime/accounts works on.

To begin, make a key and say where the database is to be:

  closekit accounts keygen --out accounts.key
  export CLOSEKIT_KEY_FILE=accounts.key CLOSEKIT_DB=accounts.db

Then say which OAuth application asks for the access. With real Close it is one
that you create under Settings > Developer, with a redirect URL. With "closekit
emulator" it is the one that it prints; the redirect URL is not needed then.

  export CLOSE_CLIENT_ID=… CLOSE_CLIENT_SECRET=…
  export CLOSE_REDIRECT_URL=https://…

Then connect an account under a name of your own, and use it:

  closekit accounts connect ada
  closekit call --account ada close_leads_list

An account is named by tenant, connection and identifier. The name is the
identifier; the tenant is "local" and the connection is "close" unless --tenant
and --connection say otherwise. "closekit help environment" lists all variables.`,
		Example: "  closekit accounts",
		Args:    commandsOnly,
		RunE:    p.overview,
	}
	cmd.AddCommand(
		p.keygenCommand(), p.connectCommand(), p.listCommand(), p.showCommand(), p.refreshCommand(),
		p.disconnectCommand(), p.resealCommand(), p.healthCommand(),
	)
	return cmd
}

// Which part of an account's name stands where nobody says.
const (
	defaultTenant     = "local"
	defaultConnection = "close"
)

// accountFlags say which connected accounts a command works with, and how it
// gets at them. What is empty comes from the environment.
type accountFlags struct {
	account, tenant, connection    string
	db, stateDir, keyFile          string
	clientID, secretFile, redirect string
	asJSON                         bool
}

// accountFlag is a flag with a value.
type accountFlag struct {
	name  string
	to    *string
	about string
}

// texts are all flags with a value. The command call, which reads its flags by
// hand, takes them from here too.
func (f *accountFlags) texts() []accountFlag {
	return []accountFlag{
		{"account", &f.account, "`name` of the connected account"},
		{"tenant", &f.tenant, "`tenant` of the account (default " + defaultTenant + ")"},
		{"connection", &f.connection, "`connection` of the account (default " + defaultConnection + ")"},
		{"db", &f.db, "database with the accounts: a SQLite `file`, or a postgres:// URL, which\nbelongs into the variable if it has a password (default $" + envDB + ")"},
		{"state-dir", &f.stateDir, "`folder` for what must survive a crash (default $" + envStateDir + ", or\nthe name of the SQLite file with .state)"},
		{"key-file", &f.keyFile, "`file` with the key that seals the tokens (default $" + envKey + " or\n$" + envKeyFile + ")"},
		{"client-id", &f.clientID, "client `id` of the OAuth application (default $" + envClientID + ")"},
		{"client-secret-file", &f.secretFile, "`file` with its client secret (default $" + envClientSecret + ")"},
		{"redirect-url", &f.redirect, "redirect `URL` of the application (default $" + envRedirectURL + ")"},
	}
}

// Sets of flags that belong together.
var (
	nameFlags  = []string{"account", "tenant", "connection"}
	storeFlags = []string{"db", "key-file"}
	appFlags   = []string{"state-dir", "client-id", "client-secret-file"}
)

// define adds the flags that are named.
func (f *accountFlags) define(flags *pflag.FlagSet, sets ...[]string) {
	known := map[string]accountFlag{}
	for _, t := range f.texts() {
		known[t.name] = t
	}
	for _, set := range sets {
		for _, name := range set {
			flags.StringVar(known[name].to, name, "", known[name].about)
		}
	}
}

func (f *accountFlags) defineJSON(flags *pflag.FlagSet) {
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

// takeName takes the name of an account as the argument of a command.
func (f *accountFlags) takeName(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return usage(fmt.Sprintf("%s takes one name, got %q too", cmd.CommandPath(), args[1]), "put a name with spaces into quotes")
	case len(args) == 1 && f.account != "" && f.account != args[0]:
		return usage(fmt.Sprintf("two accounts are named: %q and --account %q", args[0], f.account), seeHelp(cmd))
	case len(args) == 1:
		f.account = args[0]
	}
	_, err := f.principal()
	return err
}

func (f *accountFlags) tenantName() string { return cmp.Or(f.tenant, defaultTenant) }

func (f *accountFlags) connectionName() string { return cmp.Or(f.connection, defaultConnection) }

// principal is the user of this computer, who may name any account: whoever has
// the key and the database has all of them.
func (f *accountFlags) principal() (accounts.Principal, error) {
	if f.account == "" {
		return accounts.Principal{}, usage("which account?", "name it, such as \"closekit accounts connect ada\"; \"closekit accounts list\" shows those that there are")
	}
	who, err := accounts.NewPrincipal(f.tenantName(), f.account)
	if err != nil {
		return who, usage(strings.TrimPrefix(err.Error(), "accounts: "), fmt.Sprintf("names of accounts and tenants have 1 to %d bytes", accounts.MaxNameBytes))
	}
	return who, nil
}

// key names the account.
func (f *accountFlags) key() accounts.Key {
	who, _ := f.principal() // it was checked when it was taken
	return who.Key(f.connectionName())
}

// accountCommand is a command line for an account, to be shown to the user.
func accountCommand(verb string, k accounts.Key) string {
	words := []string{"closekit accounts", verb}
	name := shellWord(k.Identifier())
	if strings.HasPrefix(name, "-") {
		words = append(append(words, keyFlags(k)...), "--", name) // it is no flag
	} else {
		words = append(append(words, name), keyFlags(k)...)
	}
	return strings.Join(words, " ")
}

// callFlags are the flags of call that name an account, to be shown to the user.
func callFlags(k accounts.Key) string {
	return strings.Join(append([]string{"--account", shellWord(k.Identifier())}, keyFlags(k)...), " ")
}

func keyFlags(k accounts.Key) (words []string) {
	if k.Tenant() != defaultTenant {
		words = append(words, "--tenant", shellWord(k.Tenant()))
	}
	if k.Connection() != defaultConnection {
		words = append(words, "--connection", shellWord(k.Connection()))
	}
	return words
}

// visible gives a name that somebody else chose in a form that can be printed:
// names are any bytes.
func visible(name string) string {
	plain := strings.IndexFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:@+/", r)
	}) < 0
	if plain && name != "" {
		return name
	}
	return strconv.Quote(name)
}

func commandTable(cmd *cobra.Command) string {
	var text strings.Builder
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(&text, "  %-12s %s\n", c.Name(), c.Short)
		}
	}
	return text.String()
}
