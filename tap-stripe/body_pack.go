package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"tapline/internal/rawjson"
)

// A packer checks a JSON value and drops the white space between its tokens, in place, in one walk through the text.
type packer struct {
	text []byte
	at   int    // where the next token is looked for
	kept int    // where what is kept ends
	run  int    // where the text begins that goes there next
	open []byte // what closes the arrays and objects around the next token
}

// deepest bounds how deep values may be nested, as packages for JSON do.
const deepest = 10_000

// pack checks the value that begins at text[at], and returns it without white space between its tokens. The packer then
// stands behind it.
func (p *packer) pack(text []byte, at int) ([]byte, error) {
	*p = packer{text: text, at: at, kept: at, run: at, open: p.open[:0]}
	if err := p.value(); err != nil {
		return nil, err
	}
	for len(p.open) > 0 {
		another, err := p.another()
		if err == nil && another {
			err = p.value()
		}
		if err != nil {
			return nil, err
		}
	}
	p.kept += copy(text[p.kept:], text[p.run:p.at])
	return text[at:p.kept:p.kept], nil
}

// value takes a value or, of an array or object that is not empty, everything before its first value that is neither.
func (p *packer) value() (err error) {
	for p.space() {
		switch c := p.text[p.at]; c {
		case '{', '[':
			if len(p.open) == deepest {
				return errors.New("values are nested too deep")
			}
			p.open = append(p.open, c+2) // '}' and ']' stand two behind their openers in ASCII
			p.at++
			if p.space() && p.text[p.at] == c+2 {
				return nil
			}
			if c == '{' {
				if err := p.key(); err != nil {
					return err
				}
			}
		case '"':
			p.at, _, err = rawjson.SkipString(p.text, p.at)
			return err
		default:
			p.at, err = rawjson.Skip(p.text, p.at)
			return err
		}
	}
	return errCut
}

// another takes what stands behind a value: what closes the array or object, or what leads to another value.
func (p *packer) another() (bool, error) {
	if !p.space() {
		return false, errCut
	}
	closer := p.open[len(p.open)-1]
	switch p.text[p.at] {
	case ',':
		p.at++
		if closer == '}' {
			return true, p.key()
		}
		return true, nil
	case closer:
		p.at++
		p.open = p.open[:len(p.open)-1]
		return false, nil
	}
	return false, fmt.Errorf("a comma or closing bracket is missing at byte %d", p.at)
}

// key takes the name of a member and the colon behind it.
func (p *packer) key() (err error) {
	if p.space() && p.text[p.at] != '"' {
		return fmt.Errorf("a member name is missing at byte %d", p.at)
	}
	if p.at == len(p.text) {
		return errCut
	}
	if p.at, _, err = rawjson.SkipString(p.text, p.at); err != nil {
		return err
	}
	if p.space() && p.text[p.at] != ':' {
		return fmt.Errorf("a colon is missing at byte %d", p.at)
	}
	if p.at == len(p.text) {
		return errCut
	}
	p.at++
	return nil
}

var errCut = errors.New("the text ends in the middle of a value")

// space drops white space, and reports whether something follows.
func (p *packer) space() bool {
	return p.at < len(p.text) && p.text[p.at] > ' ' || p.drop()
}

func (p *packer) drop() bool {
	end := skipIndent(p.text, p.at)
	if end > p.at {
		p.kept += copy(p.text[p.kept:], p.text[p.run:p.at])
		p.at, p.run = end, end
	}
	return end < len(p.text)
}

// skipIndent is [rawjson.SkipSpace] for text with many spaces in a row.
func skipIndent(text []byte, i int) int {
	const spaces = 0x2020202020202020
	for i < len(text) && (text[i] == '\n' || text[i] == ' ') {
		if i++; i < len(text) && text[i] > ' ' {
			return i
		}
		for i+8 <= len(text) {
			other := binary.LittleEndian.Uint64(text[i:]) ^ spaces
			i += bits.TrailingZeros64(other) / 8
			if other != 0 {
				break
			}
		}
	}
	return rawjson.SkipSpace(text, i)
}
