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
		Short: "Connect and manage Close accounts through OAuth",
		Long: `Connect the Close account of a user through OAuth, and act as that user from then
on: the tokens are stored encrypted in a database and renewed when needed.
Programs that use the package runtime/accounts work on the same database.

To begin, create a key and choose where to keep the database:

  closekit accounts keygen --out accounts.key
  export CLOSEKIT_KEY_FILE=accounts.key CLOSEKIT_DB=accounts.db

Then name the OAuth application that requests access. For Close itself, create
one under Settings > Developer, with a redirect URL. "closekit emulator" prints
its own, which needs no redirect URL.

  export CLOSE_CLIENT_ID=… CLOSE_CLIENT_SECRET=…
  export CLOSE_REDIRECT_URL=https://…

Then connect an account under a name of your choice, and use it:

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
	for _, c := range cmd.Commands() {
		if strings.HasSuffix(c.Use, " NAME") {
			c.ValidArgsFunction = p.completeAccount
		}
	}
	return cmd
}

// Defaults of the parts of an account's name.
const (
	defaultTenant     = "local"
	defaultConnection = "close"
)

// accountFlags select connected accounts and how to open them. Empty ones come
// from the environment.
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

// principal returns the named account. The user of this computer may name any:
// the key and the database open all of them.
func (f *accountFlags) principal() (accounts.Principal, error) {
	if f.account == "" {
		return accounts.Principal{}, usage("no account is named", "name it, such as \"closekit accounts connect ada\"; \"closekit accounts list\" lists them")
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
	line := []string{"closekit accounts", verb}
	name := shellWord(k.Identifier())
	if strings.HasPrefix(name, "-") {
		line = append(append(line, keyFlags(k)...), "--", name) // it is no flag
	} else {
		line = append(append(line, name), keyFlags(k)...)
	}
	return strings.Join(line, " ")
}

// callFlags are the flags of call that name an account, to be shown to the user.
func callFlags(k accounts.Key) string {
	return strings.Join(append([]string{"--account", shellWord(k.Identifier())}, keyFlags(k)...), " ")
}

func keyFlags(k accounts.Key) (flags []string) {
	if k.Tenant() != defaultTenant {
		flags = append(flags, "--tenant", shellWord(k.Tenant()))
	}
	if k.Connection() != defaultConnection {
		flags = append(flags, "--connection", shellWord(k.Connection()))
	}
	return flags
}

// visible returns a name in a form that can be printed: users choose names, which
// can be any bytes.
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
