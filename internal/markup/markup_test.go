package markup

import (
	"strings"
	"testing"
)

func TestGuess(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                   "",
		"plain \"text\" é":   "plain \"text\" é",
		"two\nlines":         "two\nlines",
		"<p>x</p>":           "<p>x</p>",
		"<P CLASS='a'>x</P>": "<P CLASS='a'>x</P>",
		"<b>bold</b> and <i>italic</i><br/><br /><br>":                                          "<b>bold</b> and <i>italic</i><br/><br /><br>",
		`<a href="https://x.example/?a=b&c=d">x</a>`:                                            `<a href="https://x.example/?a=b&c=d">x</a>`,
		`<span data-type="mention" data-id="user_a" data-label="A > B" class=mention>@A</span>`: `<span data-type="mention" data-id="user_a" data-label="A > B" class=mention>@A</span>`,
		`<img src="a"alt="b"/>`:                                                                 `<img src="a"alt="b"/>`,
		"<p>5 < 6 & 7 &lt; 8 &#39; &#x2f;</p>":                                                  "<p>5 &lt; 6 &amp; 7 &lt; 8 &#39; &#x2f;</p>",
		"R&D":                                                                                   "R&amp;D",
		"AT&amp;T":                                                                              "AT&amp;T",
		"a && b &; &# &#x; &#12a; &1a;":                                                         "a &amp;&amp; b &amp;; &amp;# &amp;#x; &amp;#12a; &amp;1a;",
		"5 < 6":                                                                                 "5 &lt; 6",
		"<3":                                                                                    "&lt;3",
		"ends <":                                                                                "ends &lt;",
		"<!-- a <x> --><p>b</p>":                                                                "<!-- a <x> --><p>b</p>",
		"<!DOCTYPE html><html lang=\"en\"><head><title>x</title><meta charset=\"utf-8\"/></head><body>x</body></html>": "<!DOCTYPE html><html lang=\"en\"><head><title>x</title><meta charset=\"utf-8\"/></head><body>x</body></html>",
		`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" 'x'><p>x</p>`:                                        `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" 'x'><p>x</p>`,
	} {
		if got := Guess(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{
		"Legal <signed> off", "<p>Legal</p> <signed> off", "<script>alert(1)</script>", "<b@acme.example>", "Ann <ann@acme.example>", "a <b and c> d", "a <b", "if x</ y", "<p", "<p class=\"a>x", "<p class=>x", "<?php x ?>", "<!-- open", "<table><tr><td>x</td></tr></table>",
		"</signed>", "<pre>x</pre>", "<b/c=d", "<bodyguard>", "<p<b>", "<!a>",
	} {
		if got, want := Guess(in), PlainText(in); got != want || strings.Count(got, "<") != 4 {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := PlainText("a < b & c > d\r\ne\nf\rg"); got != "<body><p>a &lt; b &amp; c &gt; d<br/>e<br/>f<br/>g</p></body>" {
		t.Error(got)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"<body>x</body>", " \n<BODY class='a'>x</BODY>", "<Body/>", "<html><body>x</body></html>", "<!DOCTYPE html>\n<HTML>x</HTML>", "<?xml version=\"1.0\"?> <html/>", "<!-- a -->\n<body>x</body>", "<body",
	} {
		if got := Wrap(in); got != in {
			t.Errorf("%q: %q", in, got)
		}
	}
	for _, in := range []string{"", "x", "<bodyguard>", "<htmlx>", "<p>x</p>", "<!-- <body>", "<b>x</b>"} {
		if got := Wrap(in); got != "<body>"+in+"</body>" {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func FuzzGuess(f *testing.F) {
	for _, s := range []string{"<p>x</p>", "a <b", "&amp;", "<!-- x", `<a href="x">`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// What Guess returns is markup that it leaves as it is.
		if once := Guess(s); Guess(once) != once {
			t.Errorf("%q, %q, %q", s, once, Guess(once))
		}
	})
}
