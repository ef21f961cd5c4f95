package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/closekit/closekit/agent"
)

// model is a language model. Its messages are those of its provider, as JSON, so that
// nothing of them is lost in the memory.
type model interface {
	// said returns a message of the user.
	said(text string) json.RawMessage
	// answer sends the conversation, and passes the text of the answer to show while it
	// arrives. It carries out the calls of the answer, and returns the messages that the
	// conversation goes on with and what became of the calls. Without calls, the model
	// is done. After an error nothing was carried out.
	answer(ctx context.Context, s *agent.Session, system string, talk []json.RawMessage, show func(string)) ([]json.RawMessage, []agent.Result, error)
}

// choice is what the flags say about the model.
type choice struct{ provider, model, baseURL string }

// providers lists what can be chosen, with the variable that has the key.
var providers = []struct{ name, key, model, baseURL string }{
	{"anthropic", "ANTHROPIC_API_KEY", "claude-sonnet-4-5", ""},
	{"openai", "OPENAI_API_KEY", "gpt-5.4", ""},
	{"gemini", "GEMINI_API_KEY", "gemini-3.5-flash", "https://generativelanguage.googleapis.com/v1beta/openai/"},
}

// choose returns the model, the name of its provider, and a line about it.
func choose(c choice, getenv func(string) string) (m model, name, about string, err error) {
	var withKey []string
	for _, p := range providers {
		if getenv(p.key) != "" {
			withKey = append(withKey, p.name)
		}
	}
	if c.provider == "" {
		switch {
		case c.baseURL != "":
			c.provider = "openai"
		case len(withKey) == 1:
			c.provider = withKey[0]
		case len(withKey) == 0:
			c.provider = "script"
		default:
			return nil, "", "", fmt.Errorf("there are keys for %s; choose with -provider, or play the script with -provider script", strings.Join(withKey, " and "))
		}
	}
	if c.provider == "script" {
		return script{}, "script", "a script, not a model: it plays two tasks, and nothing leaves the machine for it. " +
			"For a real model set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, or use -base-url and -model", nil
	}
	for _, p := range providers {
		if p.name != c.provider {
			continue
		}
		key, model, at := getenv(p.key), cmp.Or(c.model, p.model), cmp.Or(c.baseURL, p.baseURL)
		switch {
		case key == "" && c.baseURL == "":
			return nil, "", "", fmt.Errorf("-provider %s needs a key in %s", p.name, p.key)
		case c.baseURL != "" && c.model == "":
			return nil, "", "", errors.New("-base-url needs -model, the name of the model that is served there")
		case c.baseURL != "" && !isWeb(c.baseURL):
			return nil, "", "", fmt.Errorf("-base-url %q is no address of a server, such as http://localhost:11434/v1", c.baseURL)
		}
		about = "model " + model + " of " + cmp.Or(at, p.name)
		if p.name == "anthropic" {
			return newClaude(cmp.Or(key, "none"), model, at), p.name, about, nil
		}
		return newChatModel(cmp.Or(key, "none"), model, at), p.name, about, nil
	}
	return nil, "", "", fmt.Errorf("there is no provider %q; -provider takes script, anthropic, openai or gemini", c.provider)
}

// isWeb reports whether a text is the URL of a web server.
func isWeb(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}
