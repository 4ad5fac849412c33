package rewrite

import (
	"bytes"
	"time"
)

// A moment is a time as its text says it. The slices are parts of the text.
type moment struct {
	at       time.Time // the day and the time of day without the fraction, as if they were UTC's
	fraction []byte    // of the second, with its point, or empty
	offset   time.Duration
}

// parseMoment reads RFC 3339 and near spellings that can mean one thing only: a space for T, no seconds, offsets +02 and
// +0200, no offset, and a day alone. A 60th second would have to become another time, so it is none.
func parseMoment(text []byte) (m moment, ok bool) {
	if len(text) < len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return m, false
	}
	year, month, day := pair(text)*100+pair(text[2:]), pair(text[5:]), pair(text[8:])
	hour, minute, second, rest := 0, 0, 0, text[10:]
	if len(rest) > 0 {
		if len(rest) < len("T15:04") || rest[0] != 'T' && rest[0] != 't' && rest[0] != ' ' || rest[3] != ':' {
			return m, false
		}
		hour, minute, rest = pair(rest[1:]), pair(rest[4:]), rest[6:]
	}
	if len(rest) >= 3 && rest[0] == ':' {
		second, rest = pair(rest[1:]), rest[3:]
		m.fraction, rest = fractionOf(rest)
	}
	m.at = time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	m.offset, ok = offsetOf(rest)
	inRange := year >= 1 && month >= 1 && month <= 12 && day >= 1 && m.at.Day() == day &&
		hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60
	return m, ok && inRange
}

// pair reads two digits. Without them it is so far below zero that no sum with another pair is a year.
func pair(text []byte) int {
	if len(text) < 2 || text[0]-'0' > 9 || text[1]-'0' > 9 {
		return -1e6
	}
	return int(text[0]-'0')*10 + int(text[1]-'0')
}

// fractionOf splits a point with digits from the text that it begins.
func fractionOf(text []byte) (fraction, rest []byte) {
	end := 0
	if len(text) > 0 && text[0] == '.' {
		for end = 1; end < len(text) && text[end]-'0' <= 9; end++ {
		}
	}
	if end == 1 {
		return nil, text
	}
	return text[:end], text[end:]
}

func offsetOf(text []byte) (offset time.Duration, ok bool) {
	if len(text) == 0 || len(text) == 1 && (text[0] == 'Z' || text[0] == 'z') {
		return 0, true
	}
	hours, minutes, rest := pair(text[1:]), 0, text[min(3, len(text)):]
	if len(rest) == 3 && rest[0] == ':' {
		rest = rest[1:]
	}
	if len(rest) > 0 {
		minutes = pair(rest)
	}
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if text[0] == '-' {
		offset = -offset
	}
	signed := text[0] == '-' || text[0] == '+'
	return offset, signed && len(rest) != 1 && len(rest) <= 2 && hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60
}

// dateTime replaces a string, whose text is given, by RFC 3339 with Z. It reports whether the text is a time of the years
// 1 to 9999, which is what RFC 3339 can write.
func (r *Rewriter) dateTime(start, end int, text []byte) bool {
	m, ok := parseMoment(text)
	if !ok {
		return false
	}
	utc := m.at.Add(-m.offset)
	if year := utc.Year(); year < 1 || year > 9999 {
		return false
	}
	var room [32]byte
	wanted := utc.AppendFormat(room[:0], "2006-01-02T15:04:05")
	wanted = append(append(wanted, m.fraction...), 'Z')
	if !bytes.Equal(wanted, text) || len(text) != end-start-2 {
		r.replace(start, end, wanted, true)
	}
	return true
}

// date replaces a string, whose text is given, by the day that it names. A time of day would be lost, and elsewhere than
// in UTC midnight could belong to another day, so both are no date.
func (r *Rewriter) date(start, end int, text []byte) bool {
	m, ok := parseMoment(text)
	midnight := m.at.Equal(m.at.Truncate(24*time.Hour)) && len(bytes.Trim(m.fraction, ".0")) == 0 && m.offset == 0
	if !ok || !midnight {
		return false
	}
	if len(text) > 10 || len(text) != end-start-2 {
		r.replace(start, end, text[:10], true)
	}
	return true
}
