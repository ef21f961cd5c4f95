package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"
)

// Errors of answers, beside those of the SDKs.
var (
	errNotAnAnswer = errors.New("it is not the answer of a model")
	errCutOff      = errors.New("the answer was cut off because it was too long")
	errHalf        = errors.New("the answer broke off half way")
	errEmpty       = errors.New("the answer is empty") // it has an end all the same
)

// refusal is what the server said about a request that it refused. Its status is 0 if
// the server said it in the middle of an answer.
type refusal struct {
	status  int
	message string // empty if there is none
}

// refused returns what the server said. The text of an error of the SDKs does not have
// it, or has a URL and JSON before it.
func refused(err error) (r refusal, ok bool) {
	var ofAnthropic *anthropic.Error
	var ofOpenAI *openai.Error
	var midway *ssestream.StreamError
	switch {
	case errors.As(err, &ofAnthropic):
		r.message = messageOf([]byte(ofAnthropic.RawJSON()))
		if ofAnthropic.StatusCode >= http.StatusBadRequest { // not in the middle of an answer
			r.status = ofAnthropic.StatusCode
		}
		return r, true
	case errors.As(err, &ofOpenAI):
		return refusal{ofOpenAI.StatusCode, ofOpenAI.Message}, true // see wrapped
	case errors.As(err, &midway):
		return refusal{message: messageOf(midway.Event.Data)}, true
	}
	return r, false
}

// messageOf returns the text in the body of an error, on one line. Servers differ in
// where it is; Google's body is a list.
func messageOf(body []byte) string {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	var in struct{ Error, Message, Detail json.RawMessage }
	if json.Unmarshal(body, &in) != nil {
		if body = bytes.TrimSpace(body); bytes.HasPrefix(body, []byte("<")) || bytes.ContainsAny(body, "{}") {
			return "" // a web page, or broken JSON
		}
		return oneLine(string(body))
	}
	for _, at := range []json.RawMessage{in.Error, in.Message, in.Detail} {
		var text string
		var inner struct{ Message string }
		switch {
		case json.Unmarshal(at, &text) == nil && text != "":
			return oneLine(text)
		case json.Unmarshal(at, &inner) == nil && inner.Message != "":
			return oneLine(inner.Message)
		}
	}
	return ""
}

// oneLine cuts a text that others have written.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return text
}

// trouble says what went wrong with an answer of the model, and what to do. It is the
// first message of the conversation, or a later one.
func trouble(err error, first bool) string {
	what := firstLine(err.Error())
	r, ok := refused(err)
	switch {
	case ok && r.status != 0:
		what = strings.TrimSuffix(fmt.Sprintf("%d %s: %s", r.status, http.StatusText(r.status), r.message), ": ")
	case ok && r.message != "":
		what = r.message
	}
	return "the model did not answer: " + what + "\n" + advise(err, r, ok, first)
}

var (
	aboutLength = regexp.MustCompile(`(?i)context|too (long|large|many tokens)|max\w* .*(length|tokens)|token.*(limit|exceed)|exceed.*(token|length|size)`)
	aboutTools  = regexp.MustCompile(`(?i)\b(tool|function)`)
)

func advise(err error, r refusal, refused, first bool) string {
	long := r.status == http.StatusRequestEntityTooLarge ||
		(r.status == http.StatusBadRequest || r.status == http.StatusUnprocessableEntity) && aboutLength.MatchString(r.message)
	switch {
	case errors.Is(err, errCutOff):
		return "Ask for less at once."
	case errors.Is(err, errHalf):
		return "The connection broke off, or the server gave up. Type /retry to ask again; if it happens each time, the log of the server says why."
	case errors.Is(err, errEmpty):
		return "Type /retry to ask again, or say it in other words."
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden:
		return "The provider refuses the key: check the variable with the key (ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY), and start again."
	case r.status == http.StatusNotFound:
		return "Check -model and -base-url: there is no such model, or nothing at that address."
	case r.status == http.StatusTooManyRequests:
		return "The provider limits how often or how much is asked, or the account has no credit. Wait, then type /retry."
	case long && first:
		return "The tools of this program are already too much for the model. Choose one that takes more with -model, or let your server give it a larger context."
	case long:
		return "If the conversation is too long for the model, /new begins another one."
	case r.status >= http.StatusInternalServerError, refused && r.status == 0:
		return "The provider has a problem. Type /retry to ask again."
	case r.status != 0 && aboutTools.MatchString(r.message):
		return "The provider refuses the request. The model must be one that calls tools: choose another one with -model."
	case r.status != 0:
		return "The provider refuses the request. Check -model and -base-url."
	case errors.Is(err, errNotAnAnswer), strings.Contains(err.Error(), "JSON"), strings.Contains(err.Error(), "invalid character"):
		return "Is -base-url the address of a model? If it is, type /retry to ask again."
	}
	return "Check the network and -base-url, then type /retry."
}
