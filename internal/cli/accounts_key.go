package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/closekit/closekit/internal/bom"
	"github.com/closekit/closekit/internal/words"
	"github.com/closekit/closekit/runtime/accounts"
	"github.com/closekit/closekit/runtime/accounts/vault"
)

func (p *program) keygenCommand() *cobra.Command {
	var f accountFlags
	var out string
	var add bool
	var remove string
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Create the key that encrypts the tokens",
		Long: `Create a key and print it, or write it to a new file that only you can read.

It encrypts all tokens in the database: without the key they cannot be read, not
even by you. Keep it apart from the database and from its backups,
and keep a copy. closekit reads it from ` + envKey + `, or from the file that
` + envKeyFile + ` or --key-file names.

To replace a key, add a new one to the key file with --add: it encrypts from then
on, and the old ones still decrypt. Then run "closekit accounts reseal", which
encrypts everything again. Programs that use the same database need the new file
before anything is encrypted with it; stop them, or see the package
runtime/accounts/vault. Finally, --remove removes a key from the file by its id,
unless the database still needs it, also for approvals and snapshots of agents. Older
backups of the database still need it, and logs of agents in files that were not
sealed anew.`,
		Example: `  closekit accounts keygen
  closekit accounts keygen --out new.key
  closekit accounts keygen --add --key-file accounts.key`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case remove != "" && (add || out != ""):
				return usage("--remove only changes the key file", "leave out --add and --out")
			case remove != "":
				return p.removeKey(cmd.Context(), &f, remove)
			case add && out != "":
				return usage("--add changes the key file, so --out has no effect", "leave out --out; copy the file first if you want to keep it")
			case add:
				return p.addKey(&f)
			case f.keyFile != "":
				return usage("--key-file names an existing key", "use --out for a new one, or --add to add one to it")
			}
			return p.newKey(out, f.asJSON)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "new `file` to write the key to, instead of printing it")
	flags.BoolVar(&add, "add", false, "add a new key to the key file, and encrypt with it from now on")
	flags.StringVar(&remove, "remove", "", "remove the key with this `id`, as \"reseal\" shows it, from the key file")
	f.define(flags, storeFlags)
	f.defineJSON(flags)
	return cmd
}

// keyReport is the JSON output of keygen.
type keyReport struct {
	Key     string   `json:"key,omitempty"` // when it is not in a file
	File    string   `json:"file,omitempty"`
	Primary string   `json:"primary_key"`
	Keys    []string `json:"keys"`
}

func (p *program) reportKey(r keyReport, v *vault.Vault, asJSON bool, text string) error {
	primary, all := v.KeyIDs()
	r.Primary = keyName(primary)
	for _, id := range all {
		r.Keys = append(r.Keys, keyName(id))
	}
	if asJSON {
		return p.printJSON(r)
	}
	return p.print(text)
}

func (p *program) newKey(out string, asJSON bool) error {
	key, err := vault.Keygen()
	if err != nil {
		return err
	}
	v, err := vault.Open(key)
	if err != nil {
		return err
	}
	if out == "" {
		p.say("this is the only copy of the key; keep it apart from the database, and set %s to it", envKey)
		return p.reportKey(keyReport{Key: vault.Text(key)}, v, asJSON, vault.Text(key)+"\n")
	}
	file, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the user names the file
	if errors.Is(err, fs.ErrExist) {
		return &hinted{
			fmt.Errorf("--out: the file %s exists already, and overwriting it would lose its key", out),
			[]string{"choose another name; --add with --key-file adds a key to a file"},
			exitUsage,
		}
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	if err := writeWhole(file, vault.Text(key)+"\n"); err != nil {
		return fmt.Errorf("--out: %w", errors.Join(err, os.Remove(out)))
	}
	return p.reportKey(keyReport{File: out}, v, asJSON,
		fmt.Sprintf("The key is in %s. Keep a copy apart from the database, and set %s=%s\n", out, envKeyFile, out))
}

// writeWhole writes a file to the disk and closes it.
func writeWhole(file *os.File, text string) error {
	_, err := file.WriteString(text)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// addKey adds a key to a key file.
func (p *program) addKey(f *accountFlags) error {
	key, name, err := p.keyFileOf(f, "--add")
	if err != nil {
		return err
	}
	key, id, err := vault.Add(key)
	if err != nil {
		return err
	}
	if key, err = vault.Promote(key, id); err != nil {
		return err
	}
	return p.replaceKey(f, name, key, p.named(fmt.Sprintf(
		"The key %s in %s encrypts from now on. Next: \"closekit accounts reseal\"\n", keyName(id), name)))
}

// removeKey removes a key that nothing is sealed with.
func (p *program) removeKey(ctx context.Context, f *accountFlags, text string) error {
	n, err := strconv.ParseUint(text, 16, 32)
	id := uint32(n)
	if err != nil {
		return usage(fmt.Sprintf("%q is not the id of a key", shorten(text)), "\"closekit accounts reseal\" shows the ids, such as 1a2b3c4d")
	}
	key, name, err := p.keyFileOf(f, "--remove")
	if err != nil {
		return err
	}
	err = p.withManager(ctx, f, appUnused, false, func(m *session) error {
		u, err := p.keyUse(ctx, m, f)
		switch {
		case err != nil:
			return err
		case u.primary == id:
			return usage("the key "+keyName(id)+" is the primary one", "--add replaces it as the primary key")
		case u.use[id] > 0:
			return &hinted{
				fmt.Errorf("the database still needs the key %s for %s", keyName(id), words.Count(int(u.use[id]), "sealed value")),
				[]string{"\"closekit accounts reseal\" encrypts them with the newest key; authorizations in progress take ten minutes"},
				exitFailure,
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	key, err = vault.Remove(key, id)
	if err != nil {
		return usage("the key file has no key "+keyName(id), "\"closekit accounts reseal\" shows the ids")
	}
	return p.replaceKey(f, name, key, fmt.Sprintf("The key %s is no longer in %s. Older backups of the database still need it.\n", keyName(id), name))
}

// keyFileOf reads the key file that is to be changed.
func (p *program) keyFileOf(f *accountFlags, flag string) (key accounts.Secret, name string, err error) {
	name = cmp.Or(f.keyFile, p.getenv(envKeyFile))
	if name == "" {
		return key, name, usage(flag+" needs a key file", "name it with --key-file or "+envKeyFile)
	}
	f.keyFile = name
	key, _, _, err = p.keyset(f)
	return key, name, err
}

// replaceKey replaces a key file as a whole, because half a key file is a lost
// database, and reports it.
func (p *program) replaceKey(f *accountFlags, name string, key accounts.Secret, text string) error {
	v, err := vault.Open(key)
	if err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(target), ".closekit-key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("--key-file: %w", err)
	}
	// All who could read the file still can.
	err = errors.Join(keepOwner(file, info), writeWhole(file, vault.Text(key)+"\n"))
	if err == nil {
		err = os.Rename(file.Name(), target)
	}
	if err != nil {
		return fmt.Errorf("--key-file: the file %s is unchanged: %w", name, errors.Join(err, os.Remove(file.Name())))
	}
	return p.reportKey(keyReport{File: name}, v, f.asJSON, text)
}

// keyset reads the key, and returns where it comes from.
func (p *program) keyset(f *accountFlags) (key accounts.Secret, v *vault.Vault, from string, err error) {
	text, file := p.getenv(envKey), p.getenv(envKeyFile)
	switch {
	case f.keyFile != "":
		from = "--key-file " + f.keyFile
		text, err = p.secretFile("--key-file", f.keyFile)
	case text != "" && file != "":
		err = usage("both "+envKey+" and "+envKeyFile+" are set", "set only one of them")
	case file != "":
		from = envKeyFile + "=" + file
		text, err = p.secretFile(envKeyFile, file)
	case text == "":
		err = usage("no key is given, and tokens are never stored without one",
			"\"closekit accounts keygen --out accounts.key\" creates one; then set "+envKeyFile+"=accounts.key")
	default:
		from = envKey
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = &hinted{err, []string{
			"\"closekit accounts keygen --out NAME\" creates a key for a new database",
			"if the key of a database is lost, restore your copy of it; without one, its accounts must be connected again into a new database",
		}, exitUsage}
	}
	if err != nil {
		return key, nil, from, err
	}
	text = strings.TrimSpace(text)
	p.hide(text)
	key = accounts.NewSecret(text)
	if v, err = vault.Open(key); err != nil {
		return key, nil, from, usage("the key from "+from+" cannot be used: "+strings.TrimPrefix(err.Error(), "vault: "),
			"\"closekit accounts keygen\" prints an example; a key begins with ck1. and has no spaces")
	}
	return key, v, from, nil
}

// maxSecretFile bounds the size of a file that contains a secret.
const maxSecretFile = 64 << 10

// secretFile reads a file that contains a secret, and warns if others can read it.
func (p *program) secretFile(flag, name string) (string, error) {
	file, err := os.Open(name) //nolint:gosec // the user names the file
	if err != nil {
		return "", &hinted{fmt.Errorf("%s: %w", flag, err), []string{"give the name of a file that you can read"}, exitUsage}
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	}
	switch {
	case err != nil:
		return "", usage(flag+" "+name+" cannot be read: "+err.Error(), "give the name of a file")
	case len(text) > maxSecretFile:
		return "", usage(flag+" "+name+" is too long for a key or secret", "is it the right file?")
	case bom.IsUTF16(text):
		return "", usage(flag+" "+name+": "+bom.ErrUTF16.Error(), utf8Hint)
	case len(bytes.TrimSpace(bom.Trim(text))) == 0:
		return "", usage(flag+" "+name+" is empty", "is it the right file?")
	}
	// Windows does not use these permission bits.
	if goruntime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		p.say("warning: others can read %s (mode %04o); run \"chmod 600 %s\"", name, info.Mode().Perm(), name)
	}
	return string(bom.Trim(text)), nil
}

// keyName formats the id of a key.
func keyName(id uint32) string { return fmt.Sprintf("%08x", id) }

func keyNames(ids []uint32) string {
	var names []string
	for _, id := range ids {
		names = append(names, keyName(id))
	}
	return "key " + strings.Join(names, ", ")
}

func sortedKeys(use map[uint32]int64) []uint32 { return slices.Sorted(maps.Keys(use)) }

// printJSON prints one line of JSON.
func (p *program) printJSON(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return p.print(string(line) + "\n")
}
