package singer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// console is stderr: every line of a run passes through it, so that no secret leaves and no line is torn by another or
// by the progress display.
type console struct {
	mu     sync.Mutex
	out    io.Writer
	above  io.Writer         // the progress display, while there is one
	masker *strings.Replacer // nil: there are no secrets
}

// Write prints whole lines, on a terminal with their colours if it has any and its user wants them.
func (c *console) Write(lines []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := lines
	if c.masker != nil {
		text = []byte(c.masker.Replace(string(lines)))
	}
	colored := bytes.Contains(text, []byte(colorStart)) && isTerminal(c.out)
	if colored && !wantsColors() {
		text = colors.ReplaceAllLiteral(text, nil)
	}
	if c.above != nil {
		if _, err := c.above.Write(text); err == nil {
			return len(lines), nil
		}
	}
	if colored && !dumbTerminal() {
		text = append([]byte(clearBelow), text...) // the display of the other program of a pipe, which draws it anew
	}
	_, err := c.out.Write(text)
	return len(lines), err
}

const colorStart = "\x1b["

var colors = regexp.MustCompile("\x1b\\[[0-9;]*m")

// hide makes the console print *** instead of the secrets, in each of the forms that messages carry them in.
func (c *console) hide(secrets []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.masker = newMasker(secrets)
}

// drawAbove makes lines appear above the progress display; nil: the display is gone.
func (c *console) drawAbove(display io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.above = display
}

// leastSecret is the length below which masking would tear up ordinary words and hide next to nothing.
const leastSecret = 4

func newMasker(secrets []string) *strings.Replacer {
	var forms []string
	for _, secret := range secrets {
		forms = append(forms, secretForms(secret)...)
	}
	forms = slices.DeleteFunc(forms, func(form string) bool { return len(form) < leastSecret })
	if len(forms) == 0 {
		return nil
	}
	// Of two that start at one place the Replacer takes the first: the longer one.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, mask)
	}
	return strings.NewReplacer(pairs...)
}

// secretForms lists how a secret looks in plain text, JSON, Go syntax, URLs and HTTP's basic authorisation. The base64
// form is that of the whole groups of three bytes, so that it is found with text behind the secret, too.
func secretForms(secret string) []string {
	quoted, _ := json.Marshal(secret) // a string always encodes
	unescaped, _ := marshal(secret)
	goQuoted := strconv.Quote(secret)
	forms := []string{
		secret, string(quoted[1 : len(quoted)-1]), string(unescaped[1 : len(unescaped)-1]), goQuoted[1 : len(goQuoted)-1],
		url.QueryEscape(secret), url.PathEscape(secret), oneLine(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)[:len(secret)/3*3]),
	}
	if strings.Contains(secret, "\n") { // a key file: any line of it is part of the secret
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= 4*leastSecret {
				forms = append(forms, line)
			}
		}
	}
	return forms
}
