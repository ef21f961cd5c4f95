package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"

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

// Errors of answers, beside those of the SDKs.
var (
	errNotAnAnswer = errors.New("it is not the answer of a model")
	errCutOff      = errors.New("the answer was cut off because it was too long")
)

// advise says what an error of the model means, and what to do.
func advise(err error) string {
	status := 0
	var ofAnthropic *anthropic.Error
	var ofOpenAI *openai.Error
	switch {
	case errors.As(err, &ofAnthropic):
		status = ofAnthropic.StatusCode
	case errors.As(err, &ofOpenAI):
		status = ofOpenAI.StatusCode
	}
	switch {
	case errors.Is(err, errCutOff):
		return "Ask for less at once."
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "The provider refuses the key: check the variable with the key (ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY), and start again."
	case status == http.StatusNotFound:
		return "Check -model and -base-url: there is no such model, or nothing at that address."
	case status == http.StatusTooManyRequests:
		return "The provider limits how often or how much is asked, or the account has no credit. Wait, then type /retry."
	case status >= http.StatusInternalServerError:
		return "The provider has a problem. Type /retry to ask again."
	case status != 0:
		return "The provider refuses the request. If the conversation is too long for the model, /new begins another one."
	case errors.Is(err, errNotAnAnswer), strings.Contains(err.Error(), "JSON"), strings.Contains(err.Error(), "invalid character"):
		return "Is -base-url the address of a model? If it is, type /retry to ask again."
	}
	return "Check the network and -base-url, then type /retry."
}
